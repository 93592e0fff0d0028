//! The JSON forms that both ends of the channel read and write.
