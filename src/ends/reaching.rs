//! Whether the two servers reach each other, as the subscriptions of an online plan need it.
//! It changes nothing on either of them.

use secrecy::{ExposeSecret, SecretString};

use crate::error::Result;
use crate::inspect::{self, Reach, Target};
use crate::postgres::{Conninfo, subscription_string};
use crate::resolve::Resolved;
use crate::secret::Sealed;

use super::Ends;

impl Ends {
    /// Asks the target's server, for an online plan.
    ///
    /// # Errors
    /// What the target's server says, or a connection string that is none.
    pub(super) async fn target_reaches_source(
        &self,
        resolved: &Resolved,
        target: &Target,
    ) -> Result<Option<Reach>> {
        let Some(online) = &resolved.online else {
            return Ok(None);
        };
        let written = online.subscription_source.as_ref();
        let text = text("online.subscription_source", written, &self.source)?;
        let client = self.existing(target).connect().await?;
        inspect::reach(&client, &text).await.map(Some)
    }

    /// Asks the source's server, for an online plan with a stream back.
    ///
    /// # Errors
    /// What the source's server says, or a connection string that is none.
    pub(super) async fn source_reaches_target(
        &self,
        resolved: &Resolved,
        target: &Target,
    ) -> Result<Option<Reach>> {
        let Some(online) = resolved.online.as_ref().filter(|one| one.cutover.reverse) else {
            return Ok(None);
        };
        let written = online.subscription_target.as_ref();
        let key = "online.subscription_target";
        let existing = self.existing(target);
        let mut asked = text(key, written, existing)?;
        if written.is_some() && target.database.is_none() {
            // The later of two values counts.
            let database = existing
                .database()
                .replace('\\', "\\\\")
                .replace('\'', "\\'");
            asked = SecretString::from(format!("{} dbname='{database}'", asked.expose_secret()));
        }
        let client = self.source.connect().await?;
        inspect::reach(&client, &asked).await.map(Some)
    }

    /// The target database, or the one beside it while it does not exist.
    fn existing(&self, target: &Target) -> &Conninfo {
        match target.database {
            Some(_) => &self.target,
            None => &self.maintenance,
        }
    }
}

/// What the plan says, or else how this process connects.
fn text(key: &str, written: Option<&Sealed>, otherwise: &Conninfo) -> Result<SecretString> {
    written.map_or_else(
        || otherwise.for_subscription(),
        |written| subscription_string(key, written),
    )
}
