#!/usr/bin/env bash
# Breaks each rule of es-runtime/src/store/rules.rs, unique.rs and tags.rs once and requires the conformance suite, or the tests of
# damaged SQLite files, to fail.
# Usage: tests/mutants/rules.sh [stores], such as "memory:: sqlite::" (the default) or "postgres::".
#
# All mutations go into one build; the variable MUTANT of a run chooses one. The files in the
# work tree are changed during the build and put back then, so they must have no changes of their own.
set -u
cd "$(dirname "$0")/../.." || exit 2
rules=(es-runtime/src/store/rules.rs es-runtime/src/store/unique.rs es-runtime/src/store/tags.rs)
stores=${1:-memory:: sqlite::}
# The suite has a module for each store.
suites=$(printf 'conformance::%s ' $stores)
git diff --quiet HEAD -- "${rules[@]}" || { echo "${rules[*]}: commit the changes first" >&2; exit 2; }
log=$(mktemp) copies=$(mktemp -d)
root=$PWD
trap 'git -C "$root" checkout --quiet HEAD -- "${rules[@]}"; rm -rf "$log" "$copies"' EXIT

# What is broken, the code (which must be there exactly once in these files), and what stands there instead, one line
# each; @ is true in the run that is to break it.
mutations=(
'the expected version is not compared'
'if !append.expected.accepts(head.version) {'
'if !@ && !append.expected.accepts(head.version) {'

'a stream that is one version behind is accepted'
'expected.accepts(head.version)'
'expected.accepts(head.version.saturating_add(u64::from(@)))'

'a repeated request may have more events'
'= u64::try_from(append.events.len()) == Ok(first.events);'
'= @ || u64::try_from(append.events.len()) == Ok(first.events);'

'a repeated request may have other events'
'self.append.events.get(self.seen).is_some_and(|event| {'
'self.append.events.get(self.seen).is_some_and(|event| { @ ||'

'the fingerprints of two requests with one id are not compared'
'= !self.first.is_of(self.append.request.as_deref());'
'= !@ && !self.first.is_of(self.append.request.as_deref());'

'a repeated request is not marked'
'Earlier::Same(self.first.as_repeated())'
'Earlier::Same(if @ { self.first } else { self.first.as_repeated() })'

'a missing row of a repeated request is not noticed'
'if !self.is_whole || u64::try_from(self.seen) != Ok(self.first.events) {'
'if !@ && (!self.is_whole || u64::try_from(self.seen) != Ok(self.first.events)) {'

'a repeated request is written again'
'match (earlier, &append.append_id) {'
'match (earlier.filter(|e| !@ || !matches!(e, Earlier::Same(_))), &append.append_id) {'

'an id that was used for other events is used again'
'match (earlier.filter('
'match (earlier.filter(|e| !@ || !matches!(e, Earlier::Different { .. })).filter('

'versions begin one too late'
'(1..=self.count)'
'(1 + u64::from(@)..=self.count + u64::from(@))'

'an append without events moves the position'
'if self.count == 0 {'
'if !@ && self.count == 0 {'

'an append that only remembers its id is not written'
'self.count > 0 || self.is_remembered'
'self.count > 0 || (!@ && self.is_remembered)'

'the version after an append is that before it'
'version: self.head.version.saturating_add(self.count),'
'version: self.head.version.saturating_add(if @ { 0 } else { self.count }),'

'bounds are not checked'
'.map_err(|reason| AppendError::Invalid {'
'.or_else(|reason| if @ { Ok(()) } else { Err(reason) }).map_err(|reason| AppendError::Invalid {'

'ids of stored events are not looked for'
'if is_known(event.id) ||'
'if (!@ && is_known(event.id)) ||'

'event ids of one append are not compared'
'&& !own.insert(event.id)'
'&& !@ && !own.insert(event.id)'

'a commit repeats an append'
'if appended.repeated {'
'if !@ && appended.repeated {'

'epochs are not compared'
'if change.is_fenced_by(actual)'
'if !@ && change.is_fenced_by(actual)'

'cursors are not compared'
'if actual == moved.from {'
'if @ || actual == moved.from {'

'a value of another stream is claimed'
'other.filter(|row| row.is_taken(now))'
'other.filter(|row| !@ && row.is_taken(now))'

'a reserved value is free'
'self.free_at.is_none_or(|free_at| now <= free_at)'
'self.free_at.is_none_or(|free_at| !@ && now <= free_at)'

'a reserved value is never free'
'now <= free_at)'
'(@ || now <= free_at))'

'the former holder may not claim a reserved value'
'let other = row.filter(|row| row.holder != *stream);'
'let other = row.filter(|row| @ || row.holder != *stream);'

'a kept value is free at once'
'.filter(|_| !keep.is_zero())'
'.filter(|_| !@ && !keep.is_zero())'

'a kept value is never given back'
'free_at: Some(now.after(keep)),'
'free_at: if @ { None } else { Some(now.after(keep)) },'

'a release gives nothing back'
'UniqueValue::Released => self.free(rule, stream, *keep, now),'
'UniqueValue::Released => if !@ { self.free(rule, stream, *keep, now) },'

'a rule that is turned on is not written'
'Change::Rule(event, rule, _) if self.is_on(rule, event)'
'Change::Rule(event, rule, _) if !@ && self.is_on(rule, event)'

'a program that does not know a rule passes'
'(State::On, true) | (State::Off, _) => continue,'
'(State::On, true) | (State::Off, _) => continue, (State::On, false) if @ => continue,'

'a rule that is off is enforced'
'if !self.is_on(rule, &event.name) {'
'if !@ && !self.is_on(rule, &event.name) {'

'an event without the rule comes first in an append'
'(State::New, false) => State::Off,'
'(State::New, false) => if @ { State::New } else { State::Off },'

'a guard of another store passes'
'if *after > head {'
'if !@ && *after > head {'

'a guard passes although tags are missing'
'if let Some((event, kind)) = rules.not_ready(query) {'
'if let Some((event, kind)) = rules.not_ready(query).filter(|_| !@) {'

'a guard excludes nothing'
'found.map_or(Ok(()), |by| Err(CommitError::Guarded { guard, by }))'
'found.filter(|_| !@).map_or(Ok(()), |by| Err(CommitError::Guarded { guard, by }))'

'a repeated commit is refused by its guard'
'Decision::Answer(first) => check_first_time(append, first).map(|_| ()),'
'Decision::Answer(_) if @ => Ok(()), Decision::Answer(first) => check_first_time(append, first).map(|_| ()),'

'a kind that is off counts as complete'
'matches!(state, Some(State::On | State::New))'
'(@ || matches!(state, Some(State::On | State::New)))'

'a kind without an event is not complete'
'Some(State::On | State::New))'
'Some(State::On | State::New)) && !(@ && state == Some(&State::New))'

'tags of a kind that is off are recorded'
'EventTag::texts(&event.tags, |kind| self.is_on(&rule_of(kind), &event.name))'
'EventTag::texts(&event.tags, |kind| @ || self.is_on(&rule_of(kind), &event.name))'

'a step of turning a kind on leaves a gap'
'if at >= walk.from {'
'if @ || at >= walk.from {'

'a late step goes back'
'at = walk.to.max(at);'
'at = if @ { walk.to } else { walk.to.max(at) };'

'a kind is on before all events are walked'
'if !has_later && EventTag::is_kind(&key.1) {'
'if (@ || !has_later) && EventTag::is_kind(&key.1) {'

'what cannot be a kind is turned on'
'&& EventTag::is_kind(&key.1) {'
'&& (@ || EventTag::is_kind(&key.1)) {'
)

count=$((${#mutations[@]} / 3))
for ((number = 0; number < count; number++)); do
    FROM=${mutations[number * 3 + 1]} TO=${mutations[number * 3 + 2]} NUMBER=$number perl -0pi -e '
        my ($from, $to) = ($ENV{FROM}, $ENV{TO});
        $to =~ s/@/mutant($ENV{NUMBER})/g;
        $found += () = /\Q$from\E/g;
        s/\Q$from\E/$to/;
        END { $found == 1 or print STDERR "found $found times: $from\n" and exit 1 }
    ' "${rules[@]}" || exit 2
done
perl -0pi -e 's/const fn/fn/g' "${rules[@]}"
for file in "${rules[@]}"; do
    cat >>"$file" <<'RUST'
fn mutant(number: u32) -> bool {
    std::env::var("MUTANT").is_ok_and(|chosen| chosen == number.to_string())
}
RUST
done
cargo test -p es-tests --test storage --no-run >"$log" 2>&1 || { cat "$log"; exit 2; }
git checkout --quiet HEAD -- "${rules[@]}"
built=$(sed -n 's/.*Executable.*(\(.*\/storage-[0-9a-f]*\))$/\1/p' "$log")
cp "$built" "$copies/storage" || exit 2
cd tests || exit 2

run() {
    # shellcheck disable=SC2086 # the names of the stores are words
    MUTANT=$1 timeout 120 "$copies/storage" $suites >"$log" 2>&1 &&
        MUTANT=$1 timeout 120 "$copies/storage" sqlite_file:: >"$log" 2>&1
}

run none || { echo "the tests fail without a mutation"; cat "$log"; exit 2; }
survived=0
for ((number = 0; number < count; number++)); do
    run "$number"
    case $? in
        0) verdict=SURVIVED survived=1 ;;
        124) verdict="red (a test did not end)" ;;
        *) verdict="red ($(grep -cE '^test .* FAILED$' "$log"): $(grep -E '^test .* FAILED$' "$log" | head -3 |
            sed 's/^test //; s/ \.\.\. FAILED//' | tr '\n' ' '))" ;;
    esac
    echo "${mutations[number * 3]}: $verdict"
done
exit "$survived"
