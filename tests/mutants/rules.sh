#!/usr/bin/env bash
# Flips each rule of es-runtime/src/store/rules.rs once and requires the conformance suite to fail.
# Usage: tests/mutants/rules.sh [stores], such as "memory:: sqlite::" (the default) or "postgres::".
# It changes the file in the work tree and puts it back, so it refuses to run where the file has
# changes that are not committed.
set -u
cd "$(dirname "$0")/../.." || exit 2
rules=es-runtime/src/store/rules.rs
stores=${1:-memory:: sqlite::}
git diff --quiet HEAD -- "$rules" || { echo "$rules has changes; commit them first" >&2; exit 2; }
restore() { git checkout --quiet HEAD -- "$rules"; }
trap restore EXIT

# What the mutation breaks | the code | what stands there instead. The code must be there exactly once.
mutations='the expected version is not compared|if !append.expected.accepts(head.version)|if false \&\& !append.expected.accepts(head.version)
a version below the expected one is accepted|append.expected.accepts(head.version)|append.expected.accepts(head.version.saturating_add(1))
other events under the id are accepted|u64::try_from(append.events.len()) == Ok(first.events)|true
payloads are not compared|payload.bytes,|\&append.events[self.seen].payload,
a repeated request is not marked|first.as_repeated())|first)
a missing row is not noticed|if !self.is_whole \|\| u64::try_from(self.seen) != Ok(self.first.events)|if false
a repeated request is written again|return Ok(Decision::Answer(first))|drop(first)
an id that was used for other events is written again|(Some(Earlier::Different { version }), Some(append_id)) => {|(Some(Earlier::Different { version }), Some(append_id)) if version == 0 => {
versions begin one too late|(1..=self.count)|(2..=self.count.saturating_add(1))
an append without events moves the stream|if self.count == 0 {|if false {
an append that only remembers its id writes nothing|self.count > 0 \|\| self.is_remembered|self.count > 0
bounds are not checked|.check(limits)|.check(\&Limits { events: usize::MAX, payload_bytes: usize::MAX, append_bytes: usize::MAX, metadata_bytes: usize::MAX, ..limits.clone() })
event ids that are stored are not looked for|is_known(event.id) \|\||false \&\& is_known(event.id) \|\|
event ids of one append are not compared|\|\| !own.insert(event.id)|\|\| false
a commit repeats an append|if appended.repeated {|if false {
epochs are not compared|Some(epoch) if change.is_fenced_by(actual)|Some(epoch) if false
cursors are not compared|if actual == moved.from {|if true {'

alive=0
while IFS=$'\t' read -r what from to; do
    FROM=$from TO=$to perl -0pi -e '
        my ($from, $to) = ($ENV{FROM}, $ENV{TO});
        my ($code, $tests) = split /#\[cfg\(test\)\]/, $_, 2;
        my $found = () = $code =~ /\Q$from\E/g;
        die "found $found times: $from\n" if $found != 1;
        $code =~ s/\Q$from\E/$to/;
        $_ = "$code#[cfg(test)]$tests";
    ' "$rules" || { echo "STALE     $what"; alive=1; restore; continue; }
    log=$(mktemp)
    # shellcheck disable=SC2086 # the names of the stores are words
    if cargo test --quiet -p es-tests --test conformance -- $stores >"$log" 2>&1; then
        echo "SURVIVED  $what"
        alive=1
    elif grep -q '^error' "$log" && ! grep -q '^failures:' "$log"; then
        echo "NOT BUILT $what"; grep -m3 '^error' "$log"
        alive=1
    else
        red=$(grep -E '^    [a-z]+::' "$log" | sort -u | tr -s ' \n' ' ')
        echo "red       $what:$red"
    fi
    rm -f "$log"
    restore
done < <(printf '%s\n' "$mutations" | perl -pe 's/(?<!\\)\|/\t/g; s/\\([|&])/$1/g')
exit "$alive"
