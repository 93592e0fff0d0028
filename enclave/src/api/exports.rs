//! Unsigned telemetry: counted, and dropped as it arrives.

use axum::body::Body;
use axum::response::Response;
use channel::forms::{FormError, MAX_EXPORT_BYTES, export_answer};

use super::desk::Desk;
use super::intake::{Refusal, bytes_of, discard};
use super::routes::{Admitted, Api};

/// Counts one export, of which nothing is read and nothing is kept.
pub(super) async fn count<D: Desk>(
    api: &Api<D>,
    admitted: &Admitted,
    body: Body,
) -> Result<Response, Refusal> {
    let (media_type, answer) =
        export_answer(admitted.operation, admitted.content_type()).ok_or(FormError::MediaType)?;
    discard(&admitted.parts.headers, body, MAX_EXPORT_BYTES, api.limits.body).await?;
    api.metrics.exported();
    Ok(bytes_of(media_type, answer))
}
