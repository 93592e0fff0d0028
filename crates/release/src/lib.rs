//! Differentially private releases and the budget that pays for them
