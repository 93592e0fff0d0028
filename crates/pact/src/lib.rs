//! A pact: its document, signatures, lint, compiled form and the pure check
