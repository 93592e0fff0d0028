//! Who follows which notices.

use std::sync::{Arc, Mutex, PoisonError};

use messages::did::Did;
use messages::receipt::Notice;
use tokio::sync::mpsc;

/// Readers and the way to each; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Followers(Arc<Mutex<Vec<Follower>>>);

type Follower = (Did, mpsc::Sender<Arc<Notice>>);

impl Followers {
    /// Whether there was room for one more, of one reader and of all.
    pub(super) fn add(&self, reader: Did, sender: mpsc::Sender<Arc<Notice>>) -> bool {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|(_, sender)| !sender.is_closed());
        let own = followers.iter().filter(|(did, _)| *did == reader).count();
        let room = own < OF_ONE && followers.len() < FOLLOWERS;
        if room {
            followers.push((reader, sender));
        }
        room
    }

    /// Tells those of `readers` who follow; one who does not keep up is let go.
    pub(super) fn tell(&self, readers: &[Did], notice: &Arc<Notice>) {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|(did, sender)| {
            !readers.contains(did) || sender.try_send(Arc::clone(notice)).is_ok()
        });
    }
}

const FOLLOWERS: usize = 1024;
const OF_ONE: usize = 8;
