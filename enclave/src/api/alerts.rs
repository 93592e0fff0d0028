//! Notices as server-sent events. The desk cuts off a reader that is too slow; what was not read
//! is on record and can be read there. So that no gap is silent, a stream first says after which
//! place of the journal it leaves nothing out; notices are not kept, so there is no going back to
//! a `Last-Event-ID`.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use channel::forms::notice_data;
use futures_util::stream::{self, StreamExt};

use super::desk::{Desk, Following};
use super::intake::Refusal;
use super::problems::LOGIN_REQUIRED;
use super::routes::Admitted;

/// Follows the notices of the caller, until either side ends.
pub(super) async fn follow<D: Desk>(desk: &D, admitted: Admitted) -> Result<Response, Refusal> {
    let Admitted { caller, seat, .. } = admitted;
    let reader = caller.did.ok_or_else(|| Refusal::new(LOGIN_REQUIRED))?;
    let Following { from, notices } = desk.follow(reader).await.map_err(Refusal::new)?;
    let begin = Event::default().comment(format!("from {from}"));
    // The seat goes along: a followed stream is in flight until it ends.
    let events = stream::unfold((notices, seat), |(mut notices, seat)| async move {
        let notice = notices.recv().await?;
        let id = notice.journal.seq.to_string();
        let event = Event::default().id(id).data(notice_data(&notice));
        Some((Ok::<_, Infallible>(event), (notices, seat)))
    });
    let events = stream::iter([Ok(begin)]).chain(events);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

const ALIVE: Duration = Duration::from_secs(15);
