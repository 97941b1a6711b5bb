//! The command line: parse, call, print the error, exit code. It decides nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_dbmigrator::cli::main()
}
