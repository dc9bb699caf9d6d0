//! The statement of the short way of an append. Few groups have append ids or tags, and each further table makes the
//! server open it and its indexes, so there is a form for each need.

/// The statement in its four forms, for one schema.
///
/// Its parameters are the streams (aggregate, id, expected version), the number of `head.rules`, the time or null for
/// that of the server, the columns of the events, then those of the appends with an id, then those of the tags.
pub(crate) struct SingleAppend {
    plain: String,
    with_ids: String,
    with_tags: String,
    with_both: String,
}

impl SingleAppend {
    /// `s` is the quoted name of the schema.
    pub(crate) fn new(s: &str) -> Self {
        Self {
            plain: statement(s, false, false),
            with_ids: statement(s, true, false),
            with_tags: statement(s, false, true),
            with_both: statement(s, true, true),
        }
    }

    /// The form for a group, some of whose appends have ids, or whose events have tags.
    pub(crate) fn of(&self, has_ids: bool, has_tags: bool) -> &str {
        match (has_ids, has_tags) {
            (false, false) => &self.plain,
            (true, false) => &self.with_ids,
            (false, true) => &self.with_tags,
            (true, true) => &self.with_both,
        }
    }
}

/// `rules` is compared under the lock, as a column of the row that is locked.
///
/// The versions and ids are compared before the lock is there. What another writer commits meanwhile is refused by the
/// unique keys of the rows. Where a trigger keeps a row out the division fails, and with it the statement.
fn statement(s: &str, has_ids: bool, has_tags: bool) -> String {
    let mut more = Vec::new();
    let mut known = String::new();
    if has_ids {
        known = format!(
            " AND NOT EXISTS (SELECT FROM unnest($15, $16, $17) AS r (aggregate, id, append_id) JOIN {s}.appends a ON \
             a.aggregate = r.aggregate AND a.aggregate_id = r.id AND a.append_id = r.append_id)"
        );
        let insert = format!(
            "INSERT INTO {s}.appends (aggregate, aggregate_id, append_id, last_version, events, position, \
             recorded_at, request) SELECT r.a, r.k, r.i, r.v, r.e, m.ended_at + r.p, m.now, r.q FROM moved m, \
             unnest($15, $16, $17, $18, $19, $20, $21) AS r (a, k, i, v, e, p, q)"
        );
        more.push(("named", insert, 15));
    }
    if has_tags {
        let [tag, position, event] = if has_ids { [22, 23, 24] } else { [15, 16, 17] };
        let insert = format!(
            "INSERT INTO {s}.event_tags (tag, position, event) SELECT r.t, m.ended_at + r.p, r.n FROM moved m, \
             unnest(${tag}, ${position}, ${event}) AS r (t, p, n)"
        );
        more.push(("indexed", insert, tag));
    }
    let inserts = more
        .iter()
        .map(|(name, insert, _)| format!(", {name} AS ({insert} RETURNING 1)"));
    let counts = more.iter().map(|(name, _, first)| {
        format!(" AND (SELECT count(*) FROM {name}) = cardinality(${first})")
    });
    let (inserts, counts): (String, String) = (inserts.collect(), counts.collect());
    format!(
        "WITH moved AS (UPDATE {s}.head h SET position = h.position + cardinality($6) WHERE h.rules = $4 AND NOT \
         EXISTS (SELECT FROM unnest($1, $2, $3) AS r (aggregate, id, version) WHERE r.version <> coalesce((SELECT \
         e.version FROM {s}.events e WHERE e.aggregate = r.aggregate AND e.aggregate_id = r.id ORDER BY e.version \
         DESC LIMIT 1), 0)){known} RETURNING h.position - cardinality($6) AS ended_at, coalesce($5, \
         clock_timestamp()) AS now), written AS (INSERT INTO {s}.events (position, version, event_id, recorded_at, \
         schema_version, aggregate, aggregate_id, event, content_type, metadata, payload) SELECT m.ended_at + r.p, \
         r.v, r.i, m.now, r.s, r.a, r.k, r.n, r.c, r.m::json, r.b FROM moved m, unnest($6, $7, $8, $9, $10, $11, \
         $12, $13, $14) WITH ORDINALITY AS r (v, i, s, a, k, n, c, m, b, p) RETURNING 1){inserts} SELECT ended_at, \
         now, 1 / ((SELECT count(*) FROM written) = cardinality($6){counts})::int FROM moved"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_opens_no_table_that_its_group_does_not_need() {
        let forms = SingleAppend::new("es");
        for (has_ids, has_tags) in [(false, false), (true, false), (false, true), (true, true)] {
            let sql = forms.of(has_ids, has_tags);
            assert_eq!(sql.contains("es.appends"), has_ids, "{sql}");
            assert_eq!(sql.contains("es.event_tags"), has_tags, "{sql}");
            let last = 14 + if has_ids { 7 } else { 0 } + if has_tags { 3 } else { 0 };
            assert!(sql.contains(&format!("${last}")), "{sql}");
            assert!(!sql.contains(&format!("${}", last + 1)), "{sql}");
        }
    }
}
