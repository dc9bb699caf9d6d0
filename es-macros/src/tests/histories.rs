//! Random histories of fields that are added, renamed, retyped and removed, as a team would over years. All are
//! legal, so the derive must accept each, and every version must have the fields that it had.

use super::faults;
use std::collections::BTreeSet;

/// Numbers that look random; the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = usize::try_from(self.0 >> 33).expect("31 bits");
        high % bound
    }
}

/// A field and its name in each of its versions.
struct Track {
    since: usize,
    names: Vec<&'static str>,
    removed: bool,
}

impl Track {
    fn name_in(&self, version: usize) -> Option<&'static str> {
        self.names.get(version.checked_sub(self.since)?).copied()
    }
}

/// Few names, so that they are used again, also some that are the same in another case.
const NAMES: [&str; 6] = ["a", "b", "c", "fullName", "full_name", "full-name"];

fn history(random: &mut Random, newest: usize) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    for version in 1..=newest {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut changed = version == 1;
        let alive: Vec<_> = tracks.iter().map(|track| !track.removed).collect();
        for (track, alive) in tracks.iter_mut().zip(alive) {
            if !alive {
                continue;
            }
            let last = *track.names.last().expect("each has a name");
            let renamed = NAMES[random.below(NAMES.len())];
            match random.below(6) {
                0 => {
                    track.removed = true;
                    changed = true;
                }
                1 if !taken.contains(renamed) && renamed != last => {
                    taken.insert(renamed);
                    track.names.push(renamed);
                    changed = true;
                }
                _ if !taken.contains(last) => {
                    taken.insert(last);
                    track.names.push(last);
                }
                _ => {
                    track.removed = true;
                    changed = true;
                }
            }
        }
        let free: Vec<_> = NAMES
            .iter()
            .filter(|name| !taken.contains(**name))
            .collect();
        if !free.is_empty() && (!changed || random.below(2) == 0) {
            let name = *free[random.below(free.len())];
            tracks.push(Track {
                since: version,
                names: vec![name],
                removed: false,
            });
        }
    }
    tracks
}

/// The struct with the attributes that describe the history. A removed field that had several names is several
/// removed fields: its value ends with the last of them anyway.
#[expect(clippy::format_push_string, reason = "a short text")]
fn described(tracks: &[Track], newest: usize) -> String {
    let mut removed = String::new();
    let mut fields = String::new();
    for (number, track) in tracks.iter().enumerate() {
        // Each field has a type of its own, so that no two versions look alike by chance.
        let ty = format!("Option<[u8; {number}]>");
        // The versions from which it had each of its names.
        let mut periods = vec![(track.since, track.names[0])];
        for (version, name) in (track.since..).zip(&track.names) {
            if periods.last().is_some_and(|(_, last)| last != name) {
                periods.push((version, *name));
            }
        }
        let since = |version: usize| match version {
            1 => String::new(),
            later => format!("since = {later}, "),
        };
        if track.removed {
            let ends = periods.iter().skip(1).map(|(version, _)| *version);
            let ends = ends.chain([track.since + track.names.len()]);
            for ((start, name), end) in periods.iter().zip(ends) {
                let (ident, since) = (name.replace('-', "_"), since(*start));
                removed += &format!(
                    "#[event(removed({ident}: {ty}, {since}name = \"{name}\", in = {end}))]\n"
                );
            }
        } else {
            let mut attributes = since(track.since);
            for pair in periods.windows(2) {
                let (old, before) = (pair[0].1, pair[1].0);
                attributes += &format!("was(name = \"{old}\", before = {before}), ");
            }
            let today = track.names[track.names.len() - 1];
            let ident = today.replace('-', "_");
            fields +=
                &format!("#[serde(rename = \"{today}\")] #[event({attributes})] {ident}: {ty},\n");
        }
    }
    format!("#[event(\"e\", version = {newest})]\n{removed}struct E {{\n{fields}}}")
}

#[test]
fn every_legal_history_of_names_is_accepted() {
    let mut random = Random(1);
    let mut legal = 0;
    for _ in 0..600 {
        let newest = 2 + random.below(4);
        let tracks = history(&mut random, newest);
        let today = tracks.iter().filter(|track| !track.removed);
        let today: Vec<_> = today
            .filter_map(|track| track.names.last())
            .map(|name| name.replace('-', "_"))
            .collect();
        let distinct: BTreeSet<_> = today.iter().collect();
        if distinct.len() < today.len() {
            continue; // no struct has two fields of one name
        }
        legal += 1;
        let source = described(&tracks, newest);
        let tokens = source.parse().expect("the source has tokens");
        let output = crate::expand::derive_event(tokens);
        let file: syn::File = syn::parse2(output).expect("the output is Rust");
        assert_eq!(faults("Event", &source), [], "{source}");
        for version in 1..newest {
            let name = format!("EV{version}");
            let item = file.items.iter().find_map(|item| match item {
                syn::Item::Struct(item) if item.ident == name => Some(item),
                _ => None,
            });
            let fields = &item.expect("a type for each version").fields;
            let idents: BTreeSet<_> = fields.iter().filter_map(|f| f.ident.clone()).collect();
            let had = tracks
                .iter()
                .filter(|track| track.name_in(version).is_some());
            assert_eq!(
                (fields.len(), idents.len()),
                (had.count(), fields.len()),
                "{source}"
            );
        }
    }
    assert!(legal > 300, "only {legal} histories");
}
