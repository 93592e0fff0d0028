//! Event in, verdict and action out: sessions, counters, epochs, gaps
