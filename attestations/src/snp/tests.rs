pub(crate) mod forge;
mod rare;
mod recorded;

use super::*;

/// Every refusal of an examination, in its order.
fn refused(rows: Rows) -> Vec<Refusal> {
    rows.into_rows().into_iter().filter_map(|row| row.refused).collect()
}
