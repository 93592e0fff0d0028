//! Tiles and entry bundles as static resources:
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), "Merkle Tree" and "Log entries".
//!
//! Paths are read and written here, and bytes are made from what is in memory; nothing is stored
//! or served. (The tile paths of `tlog_tiles` are those of the Go checksum database, which have
//! one step more.)

use core::fmt;

use messages::codec::Wire;
use messages::leaf::Leaf;

use crate::log::Log;

/// Most hashes or entries of one resource.
pub const TILE_WIDTH: u16 = 256;
/// Highest level of a tile.
pub const MAX_LEVEL: u8 = 63;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiled {
    /// An entry bundle.
    Entries,
    /// A tile of hashes at this level, 0 to 63.
    Hashes(u8),
}

/// The path of a tile or an entry bundle: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    tiled: Tiled,
    index: u64,
    width: u16,
}

impl TilePath {
    /// The path of resource number `index`, `width` hashes or entries wide; none when there is no
    /// such level or width.
    #[must_use]
    pub fn new(tiled: Tiled, index: u64, width: u16) -> Option<Self> {
        let level = match tiled {
            Tiled::Entries => 0,
            Tiled::Hashes(level) => level,
        };
        let fits = level <= MAX_LEVEL && (1..=TILE_WIDTH).contains(&width);
        fits.then_some(Self { tiled, index, width })
    }

    /// Reads a path without a leading slash. Each resource has one path: anything else is none.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        if path.len() > MAX_PATH_BYTES {
            return None;
        }
        let (what, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let tiled = match what {
            "entries" => Tiled::Entries,
            level => Tiled::Hashes(u8::try_from(number(level)?).ok()?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, u16::try_from(number(width)?).ok()?),
            None => (rest, TILE_WIDTH),
        };
        let index = index.split('/').try_fold(0u64, |index, group| {
            let group = number(group.strip_prefix('x').unwrap_or(group))?;
            index.checked_mul(GROUP)?.checked_add(group)
        })?;
        let read = Self::new(tiled, index, width)?;
        // Leading zeros, a missing x, a whole tile that calls itself partial.
        (read.to_string() == path).then_some(read)
    }

    /// What it names.
    #[must_use]
    pub const fn tiled(&self) -> Tiled {
        self.tiled
    }

    /// Which one of its level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries: 256, or fewer when partial.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Number of the first entry and of the entry after the last, when it names entries or leaf
    /// hashes; none past the last number.
    #[must_use]
    pub fn entries(&self) -> Option<core::ops::Range<u64>> {
        let from = self.index.checked_mul(u64::from(TILE_WIDTH))?;
        Some(from..from.checked_add(u64::from(self.width))?)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tiled {
            Tiled::Entries => f.write_str("tile/entries/")?,
            Tiled::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        // Groups of three digits, all but the last after an x.
        let mut groups = Vec::new();
        let mut rest = self.index;
        loop {
            groups.push(rest.checked_rem(GROUP).unwrap_or_default());
            rest = rest.checked_div(GROUP).unwrap_or_default();
            if rest == 0 {
                break;
            }
        }
        for (place, group) in groups.iter().enumerate().rev() {
            match place {
                0 => write!(f, "{group:03}")?,
                _ => write!(f, "x{group:03}/")?,
            }
        }
        if self.width == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl Log {
    /// The bytes of a tile: `width` hashes (1 to 256) of level `level` from number `256·index` on.
    /// None when the log has not grown that far: a hash of level l stands for 256^l leaves.
    #[must_use]
    pub fn tile(&self, level: u8, index: u64, width: u16) -> Option<Vec<u8>> {
        let path = TilePath::new(Tiled::Hashes(level), index, width)?;
        let span = path.entries()?;
        let hashes = self.row(level.checked_mul(8)?)?;
        let from = usize::try_from(span.start).ok()?;
        let until = usize::try_from(span.end).ok()?;
        Some(hashes.get(from..until)?.iter().flat_map(|hash| hash.0).collect())
    }
}

/// The bytes of an entry bundle: each leaf's only encoding after its length in two bytes. None
/// for no leaf, or for more than 256.
#[must_use]
pub fn entry_bundle<'a>(leaves: impl IntoIterator<Item = &'a Leaf>) -> Option<Vec<u8>> {
    let (mut bundle, mut width) = (Vec::new(), 0_u16);
    for leaf in leaves {
        let entry = leaf.to_cbor();
        bundle.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bundle.extend_from_slice(&entry);
        width = width.checked_add(1).filter(|width| *width <= TILE_WIDTH)?;
    }
    (width > 0).then_some(bundle)
}

/// Reads the leaves of an entry bundle; none when it is malformed, or not `width` entries wide.
/// That they are the log's is for [`verify_inclusion`](crate::verify_inclusion) to say.
#[must_use]
pub fn read_entry_bundle(bundle: &[u8], width: u16) -> Option<Vec<Leaf>> {
    let (mut leaves, mut rest) = (Vec::new(), bundle);
    for _ in 0..Some(width).filter(|width| (1..=TILE_WIDTH).contains(width))? {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(Leaf::from_cbor(entry).ok()?);
        rest = after;
    }
    rest.is_empty().then_some(leaves)
}

/// A short decimal number; the order and form of its digits is checked on the whole path.
fn number(text: &str) -> Option<u64> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    Some(text).filter(|_| digits)?.parse().ok()
}

const GROUP: u64 = 1000;
/// `tile/entries/`, seven groups and a width.
const MAX_PATH_BYTES: usize = 64;
