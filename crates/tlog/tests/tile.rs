//! Claims about tiles, entry bundles and their paths.

use cloister_tlog::{Log, TILE_WIDTH, TilePath, Tiled, entry_bundle, leaf_hash, read_entry_bundle};
use messages::ids::{BodyDigest, BootId};
use messages::leaf::{Kind, Leaf};
use messages::signature::Signature;
use proptest::prelude::*;

fn leaf(n: u64) -> Leaf {
    let mut body = [0; 32];
    body[..8].copy_from_slice(&n.to_be_bytes());
    Leaf {
        kind: Kind::Tally,
        body: BodyDigest(body),
        boot: BootId([1; 32]),
        signature: Signature([2; 64]),
    }
}

fn log(size: u64) -> Log {
    let mut log = Log::new();
    for n in 0..size {
        log.append(&leaf(n));
    }
    log
}

#[test]
fn a_tree_has_the_tiles_of_the_specifications_example() {
    let log = log(70_000);
    let hashes = |level, index, width| log.tile(level, index, width).map(|t| t.len() / 32);
    assert_eq!(hashes(0, 272, 256), Some(256));
    assert_eq!(hashes(0, 273, 112), Some(112));
    assert_eq!(hashes(0, 273, 113), None);
    assert_eq!(hashes(1, 0, 256), Some(256));
    assert_eq!(hashes(1, 1, 17), Some(17));
    assert_eq!(hashes(1, 1, 18), None);
    assert_eq!(hashes(2, 0, 1), Some(1));
    assert_eq!(hashes(2, 0, 2), None);
    assert_eq!(hashes(3, 0, 1), None);
    for (level, index, width) in
        [(0, 0, 0), (0, 0, 257), (64, 0, 1), (63, 0, 1), (0, u64::MAX, 1), (0, u64::MAX / 256, 256)]
    {
        assert_eq!(log.tile(level, index, width), None, "{level} {index} {width}");
    }
    // Each hash above level 0 is the root of the whole tile below it.
    for (level, index) in [(1, 0), (1, 1), (2, 0)] {
        let width = (1..=256).rev().find(|w| log.tile(level, index, *w).is_some()).unwrap();
        let tile = log.tile(level, index, width).unwrap();
        for (place, hash) in tile.chunks(32).enumerate() {
            let below = log.tile(level - 1, index * 256 + place as u64, 256).unwrap();
            assert_eq!(tlog_tiles::Tile::subtree_hash(&below).0, hash);
        }
    }
    let leaves = log.tile(0, 7, 256).unwrap();
    assert_eq!(leaves[..32], leaf_hash(&leaf(7 * 256)).0);
}

#[test]
fn paths_are_those_of_the_specification() {
    let path = |tiled, index, width| TilePath::new(tiled, index, width).unwrap().to_string();
    assert_eq!(path(Tiled::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(Tiled::Hashes(63), 0, 1), "tile/63/000.p/1");
    assert_eq!(path(Tiled::Entries, 273, 112), "tile/entries/273.p/112");
    assert_eq!(path(Tiled::Entries, 1000, 256), "tile/entries/x001/000");
    for bad in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001/x001",
        "tile/0/xx01",
        "tile/0/x/001",
        "tile/0/+01",
        "tile/0/-01",
        "tile/00/000",
        "tile/64/000",
        "tile/256/000",
        "tile/+1/000",
        "tile/entries/x000/x001/002",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/1",
        "tile/0/000.p/1.p/1",
        "tile/8/0/000",
        // One past the last number.
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(TilePath::parse(bad), None, "{bad}");
    }
    let last = TilePath::parse("tile/0/x018/x446/x744/x073/x709/x551/615").unwrap();
    assert_eq!((last.index(), last.entries()), (u64::MAX, None));
    assert_eq!(TilePath::parse("tile/entries/273.p/112").unwrap().entries(), Some(69_888..70_000));
}

#[test]
fn a_bundle_holds_its_leaves_and_nothing_else() {
    let leaves: Vec<Leaf> = (0..300).map(leaf).collect();
    for width in [1, 2, 255, 256] {
        let bundle = entry_bundle(&leaves[..usize::from(width)]).unwrap();
        let read = read_entry_bundle(&bundle, width).unwrap();
        assert!(read.iter().zip(&leaves).all(|(a, b)| a == b) && read.len() == usize::from(width));
        assert!(read_entry_bundle(&bundle, width - 1).is_none());
        assert!(read_entry_bundle(&bundle, width + 1).is_none());
        assert!(read_entry_bundle(&bundle[..bundle.len() - 1], width).is_none());
    }
    assert!(entry_bundle(&[]).is_none() && entry_bundle(&leaves[..257]).is_none());
    assert!(read_entry_bundle(&[], 0).is_none());
}

#[test]
fn entries_hash_to_the_leaf_tile() {
    let log = log(300);
    let leaves: Vec<Leaf> = (256..300).map(leaf).collect();
    let read = read_entry_bundle(&entry_bundle(&leaves).unwrap(), 44).unwrap();
    let hashes: Vec<u8> = read.iter().flat_map(|leaf| leaf_hash(leaf).0).collect();
    assert_eq!(log.tile(0, 1, 44), Some(hashes));
}

proptest! {
    #[test]
    fn every_path_is_read_back(
        level in prop::option::of(0..64u8), index in any::<u64>(), few in any::<bool>(),
        width in 1..=TILE_WIDTH,
    ) {
        let tiled = level.map_or(Tiled::Entries, Tiled::Hashes);
        let path = TilePath::new(tiled, if few { index % 2_000 } else { index }, width).unwrap();
        prop_assert_eq!(TilePath::parse(&path.to_string()), Some(path));
    }

    #[test]
    fn what_is_read_has_one_path(path in "tile/([0-9]{1,2}|entries)/(x[0-9]{3}/){0,7}[0-9]{3}(.p/[0-9]{1,3})?|\\PC{0,80}") {
        if let Some(read) = TilePath::parse(&path) {
            prop_assert_eq!(read.to_string(), path);
        }
    }

    #[test]
    fn any_bytes_are_a_bundle_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300), width in any::<u16>()) {
        drop(read_entry_bundle(&bytes, width));
    }
}
