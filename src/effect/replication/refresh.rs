//! Performs the filling of materialized views, from rows that came to their side since.
//! It makes none, and fills none that is empty on the side that is left.

use super::by_now::{self, Kind};
use crate::effect::lines::on;
use crate::effect::world::{Act, Output, World};
use crate::effect::{Place, Side, sql};
use crate::error::Result;
use crate::postgres::qualified;
use crate::selection::{Patterns, RelationName};

/// What is asked, and sent.
pub(super) fn lines(from: Side, views: &[RelationName]) -> Vec<String> {
    let asked = by_now::relations_question(Kind::MaterializedView);
    let mut lines = on(from, [asked.clone()]);
    lines.extend(on(from.other(), [asked]));
    lines.extend(on(from.other(), views.iter().map(statement)));
    lines
}

fn statement((schema, name): &RelationName) -> String {
    format!("refresh materialized view {}", qualified(schema, name))
}

/// Fills them.
///
/// # Errors
/// What a server says, or that it was stopped.
pub(super) async fn refresh(
    world: &World,
    act: Act<'_>,
    (from, planned, patterns): (Side, &[RelationName], &Patterns),
) -> Result<Output> {
    let here = world.session_for(act, from.into()).await?;
    let there = world.session_for(act, from.other().into()).await?;
    let sides = (&*here, &*there);
    let views = by_now::relations(sides, Kind::MaterializedView, (planned, patterns));
    let views = world.unless_stopped(views).await?;
    let there_is = (Place::from(from.other()), sql::pid(&there).await?);
    for view in views {
        sql::send(world, there_is, &there, &statement(&view)).await?;
    }
    Ok(Output::default())
}
