//! Every test that looks at the project from outside, in one binary.
//! It never reaches into private parts.

mod plan_file;
