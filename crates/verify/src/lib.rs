//! Everything a sceptic runs: claims, consent, bundles, offline
