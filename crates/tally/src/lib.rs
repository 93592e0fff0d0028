//! Secret totals, their blindings, openings and commitments
