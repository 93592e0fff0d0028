//! A private aggregate: debited and published before any noise exists; drawn once, ever.

use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::publication::Publication;
use messages::reply::{Reply, Statistic};
use messages::signature::Signature;
use monitor::Seed;
use rand_core::OsRng;

use super::{Pipeline, Refused};
use crate::state::{Entry, Step, cells, day};
use crate::store::crash_point;

impl Pipeline {
    pub(super) fn release(
        &mut self,
        asked: &Statistic,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Reply, Refused> {
        self.authenticate(domain::STATISTIC_REQUEST, requester, &asked.to_cbor(), signature)?;
        let monitor = &self.state.monitor;
        let root = monitor.root_pact(&asked.pact).ok_or(Refused("pact-unknown"))?;
        let compiled = monitor.compiled(&root).ok_or(Refused("pact-unknown"))?;
        if !monitor.concerns(&root, requester) {
            return Err(Refused("release-not-a-party"));
        }
        let consented = compiled.price(&asked.statistic).ok_or(Refused("release-not-consented"))?;
        if asked.day >= day(self.clock.now()) {
            return Err(Refused("release-day-still-open"));
        }
        let tools = cells(compiled);
        let listed = self.state.pacts.get(&root).ok_or(Refused("pact-unknown"))?;
        let key = (asked.statistic.clone(), asked.day);
        if let Some(indices) = listed.released.get(&key) {
            return self.released(*indices);
        }
        // A static share: what other pacts have spent neither helps nor shows.
        let price = self.values.privacy.price_nano_rho.min(consented);
        let spent = listed.spent.get(&asked.day).copied().unwrap_or(0).saturating_add(price);
        if spent > self.values.privacy.cap_nano_rho {
            return Err(Refused("budget-exhausted"));
        }
        let query = release::query(&asked.statistic, (listed.dataset, asked.day), &tools, price)
            .map_err(|refusal| Refused(refusal.code()))?;
        // A dry run refuses whatever the debit itself would refuse, and spends nothing.
        let quote = self.state.ledger.dry_run(&query).map_err(|refusal| Refused(refusal.code()))?;
        if quote.debit_nano_rho == 0 {
            return Err(Refused("release-lost"));
        }

        let step = Step::Reserved { root, query: Box::new(query) };
        let entry = Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step };
        let following = self.apply(&entry)?;
        let reservation = following.reservation.ok_or(Refused("release-lost"))?;
        self.write(entry)?;
        let body = reservation.body().clone();
        let (reserved, _) = self.publish(&Publication::Reserve(body), None)?;
        // CRASH: from here on the debit is durable and nothing is drawn; after a restart the
        // query is lost, and stays paid.
        self.commit_now()?;
        crash_point!("reserved-before-draw");
        let contributions = self.state.contributions.get(&root).ok_or(Refused("pact-unknown"))?;
        let at = self.clock.bracket();
        let body = reservation
            .draw(&mut self.state.ledger, contributions, at)
            .map_err(|refusal| Refused(refusal.code()))?;
        // CRASH: drawn and not on record: nobody has seen it, and it is never drawn again.
        crash_point!("drawn-before-record");
        let step = Step::Drawn(Box::new(body.clone()));
        self.write(Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step })?;
        let (drawn, _) = self.publish(&Publication::Aggregate(body), None)?;
        let leaves = [reserved, drawn];
        self.put(Step::Answered { root, asked: key, leaves })?;
        self.released(leaves)
    }

    fn released(&self, indices: [u64; 2]) -> Result<Reply, Refused> {
        let leaves = indices.iter().map(|i| self.leaf(*i)).collect::<Result<_, _>>()?;
        Ok(Reply::Released { leaves })
    }
}
