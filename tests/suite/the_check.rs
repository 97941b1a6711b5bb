//! Tests of the independent check: it must notice every kind of difference, and see none in equals.
//! Never tests the project itself.
