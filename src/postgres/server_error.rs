//! What the client library reports, as the project's own error: SQLSTATE, detail and hint included.
//! It never adds the statement or its values, which may hold rows.

use crate::error::Error;
use crate::row_values::without_row_values;

impl From<tokio_postgres::Error> for Error {
    /// A server's error with its SQLSTATE, detail and hint, or the client's with every cause.
    fn from(error: tokio_postgres::Error) -> Self {
        let next = "Mend the cause, then run the same command again.";
        let Some(db) = error.as_db_error() else {
            let failed = Self::failed("the conversation with a server failed", next);
            return failed.because_of(&error).of_lost_connection();
        };
        let mut cause = format!(
            "{} (SQLSTATE {})",
            without_row_values(db.message()),
            db.code().code()
        );
        for (label, part) in [("detail", db.detail()), ("hint", db.hint())] {
            if let Some(part) = part {
                cause.push_str(&format!("\n{label}: {}", without_row_values(part)));
            }
        }
        let refused = Self::failed(Self::REFUSED, next).because(cause);
        refused.with_sqlstate(db.code().code())
    }
}
