//! Whether somebody changed the schema of the source: the stream carries no DDL.
//! It only tells; the guard before the cutover refuses.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Follow;
use crate::effect::Place;
use crate::effect::compare;
use crate::effect::replication::coverage;
use crate::effect::world::{Act, World};
use crate::error::Result;
use crate::events::Happened;
use crate::inspect::SCHEMA;

/// Somebody who holds a table locked makes the look at its definition wait, but not the replication,
/// which is watched meanwhile: it is given up after this time,
const PATIENCE: Duration = Duration::from_secs(2);

/// and tried again once the look that was given up has ended on the server as well.
const PAUSE: Duration = Duration::from_secs(30);

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Drift {
    seen: Option<[Option<String>; 2]>,
    told: Vec<String>,
    given_up: Option<Instant>,
}

impl Drift {
    /// Looks again, compares both sides where anything changed, and tells each difference once.
    ///
    /// # Errors
    /// What a server says.
    pub(super) async fn check(&mut self, world: &World, act: Act<'_>, what: &Follow) -> Result<()> {
        let source = world.session(Place::Source).await?;
        let target = world.session(Place::Target).await?;
        let now = [
            source.query_one(SCHEMA, &[]).await?.try_get(0)?,
            target.query_one(SCHEMA, &[]).await?.try_get(0)?,
        ];
        if self.seen.as_ref() == Some(&now) {
            return Ok(());
        }
        if self.given_up.is_some_and(|at| at.elapsed() < PAUSE) {
            return Ok(());
        }
        let Ok(compared) = timeout(PATIENCE, compare::schema(world, &what.schema)).await else {
            self.given_up = Some(Instant::now());
            return Ok(());
        };
        let (mut differences, _) = compared?;
        let missing = coverage::missing(&source, &what.coverage).await?;
        let not_streamed = |table| format!("table {table} is not in the stream");
        differences.extend(missing.iter().map(not_streamed));
        if differences != self.told {
            world.tell(
                act,
                Happened::SchemaDrift {
                    differences: differences.clone(),
                },
            );
        }
        self.told = differences;
        // Only now: what was looked at and not told must be looked at again.
        self.seen = Some(now);
        Ok(())
    }
}
