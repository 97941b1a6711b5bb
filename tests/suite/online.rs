//! Tests of online migrations, with an application that writes all the while.
//! Never migrates by other means than the built program.

mod cutover;
mod night;
