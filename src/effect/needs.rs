//! Which of the two servers an effect cannot do without. It asks neither of them.

use super::replication::Timeline;
use super::{Effect, Place, Replication, Side};

impl Place {
    /// The side whose server it is on.
    pub(crate) fn side(self) -> Side {
        match self {
            Self::Source => Side::Source,
            Self::Target | Self::TargetMaintenance => Side::Target,
        }
    }
}

impl Effect {
    /// Whether it cannot be performed without this side.
    pub(crate) fn needs(&self, side: Side) -> bool {
        match self {
            Self::Sql {
                place,
                statements: _,
            }
            | Self::Remember { place, sql: _ } => place.side() == side,
            Self::ExportSnapshot(_) | Self::AsPlanned(_) | Self::MeasureSource(_) => {
                side == Side::Source
            }
            Self::Program(program) => program.tool.side() == side,
            Self::Script(_) => side == Side::Target,
            Self::CopyRows(_) | Self::CopyLargeObjects(_) | Self::Compare(_) => true,
            Self::RemoveDump => false,
            Self::Replication(replication) => replication.needs(side),
        }
    }
}

impl Replication {
    fn needs(&self, one: Side) -> bool {
        match self {
            Self::ReadFence(fence) | Self::OpenFence { fence, .. } => fence.side == one,
            Self::CheckTimeline(Timeline {
                side,
                since: _,
                receives: _,
                accepted: _,
            })
            | Self::AwaitSilence { side, terminate: _ }
            | Self::AwaitYoung { side }
            | Self::MakeSlot { side, slot: _ } => *side == one,
            Self::CheckSlot {
                slot: _,
                made_by: _,
            } => one == Side::Source,
            Self::CheckLogins(_) => one == Side::Target,
            Self::Hook(_) => false,
            // What one side does for the other.
            Self::Subscribe(_)
            | Self::Follow(_)
            | Self::ProveCovered(_)
            | Self::AwaitReader { side: _, slot: _ }
            | Self::Drain { side: _, slot: _ }
            | Self::ProveDrained(_)
            | Self::CarrySequences {
                from: _,
                sequences: _,
                patterns: _,
                errors: _,
            }
            | Self::CopyRows { from: _, tables: _ }
            | Self::Refresh {
                from: _,
                views: _,
                patterns: _,
            } => true,
        }
    }
}
