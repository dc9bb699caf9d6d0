//! The SQL of the store. Only the checked name of the schema becomes part of it; every value is a
//! parameter.

use crate::{
    identifier::SchemaName, pages::Pages, rows::STORED_COLUMNS, single_append::SingleAppend,
};
use tokio_postgres::types::Type;

/// The statements for one schema.
pub(crate) struct Statements {
    /// Takes the lock on the end of the feed. Its holder is the only writer until it commits, so
    /// positions are dense and are seen in their order.
    pub(crate) lock: String,
    pub(crate) stream_heads: String,
    pub(crate) known_appends: String,
    /// Where a trigger keeps a row out, the division fails, and with it the transaction.
    pub(crate) insert_events: String,
    pub(crate) insert_appends: String,
    /// Moves the end of the feed. Where it does not move, the division fails, and with it the
    /// transaction.
    pub(crate) advance: String,
    pub(crate) append_single_round_trip: SingleAppend,
    pub(crate) known_events: String,
    pub(crate) head: String,
    /// The newest position with what tells its event from any other.
    pub(crate) newest: String,
    pub(crate) fold: String,
    pub(crate) stream_forward: Pages,
    pub(crate) stream_backward: Pages,
    pub(crate) feed: Pages,
    pub(crate) feed_of_names: Pages,
    pub(crate) feed_of_aggregates: Pages,
    pub(crate) stream_ids: String,
    pub(crate) first_append: String,
    pub(crate) load_snapshot: String,
    pub(crate) save_snapshot: String,
    pub(crate) delete_snapshot: String,
    pub(crate) work_epochs: String,
    pub(crate) work_put: String,
    pub(crate) work_release: String,
    pub(crate) cursors: String,
    pub(crate) cursor: String,
    pub(crate) move_cursors: String,
    pub(crate) work_claim: String,
    pub(crate) work_renew: String,
    pub(crate) work_items: String,
    pub(crate) work_due: String,
    pub(crate) work_counts: String,
    pub(crate) rules: String,
    pub(crate) all_rules: String,
    pub(crate) unique_values: String,
    pub(crate) turn_on: String,
    pub(crate) unique_delete: String,
    pub(crate) unique_put: String,
    pub(crate) unique_holder: String,
    pub(crate) unique_walk: String,
    pub(crate) unique_waiting: String,
    pub(crate) has_later: String,
    pub(crate) unique_walk_put: String,
    pub(crate) unique_waiting_delete: String,
    pub(crate) unique_waiting_put: String,
    pub(crate) tagged: Pages,
    pub(crate) tagged_backward: Pages,
    pub(crate) tags_guards: String,
    pub(crate) tags_put: String,
    pub(crate) tags_walked: String,
    pub(crate) tags_missing: String,
    pub(crate) tag_walks: String,
    pub(crate) tag_walks_delete: String,
    pub(crate) tag_walks_put: String,
    pub(crate) now: String,
    pub(crate) store_id: String,
}

impl Statements {
    #[allow(clippy::too_many_lines, reason = "a list")]
    pub(crate) fn new(schema: &SchemaName) -> Self {
        let s = schema.quoted();
        let work_items = |due: &str| {
            format!(
                "SELECT aggregate, aggregate_id, definition, status, phase, reason, due_at, epoch, owner, \
                 lease_until, updated_at FROM {s}.work WHERE ($1::text[] = '{{}}' OR aggregate = \
                 ANY($1)) AND ($2::text IS NULL OR aggregate_id = $2) AND ($3::text IS NULL OR status = $3) \
                 AND ($4::text IS NULL OR (aggregate, aggregate_id) > ($4, $5::text)) AND {due} \
                 AND ($7::timestamptz IS NULL OR updated_at > $7) ORDER BY aggregate, aggregate_id LIMIT $6"
            )
        };
        let of_stream = format!("FROM {s}.events WHERE aggregate = $1 AND aggregate_id = $2");
        let of_feed = format!("FROM {s}.events WHERE position > $1 AND position <= $2");
        let event_found = format!(
            "LEFT JOIN LATERAL (SELECT version, event_id, recorded_at, schema_version, aggregate, aggregate_id, event, \
             content_type, metadata, payload FROM {s}.events e WHERE e.position = found.position LIMIT 1) event ON true"
        );
        Self {
            lock: format!("SELECT position, clock_timestamp(), rules FROM {s}.head FOR UPDATE"),
            stream_heads: format!(
                "SELECT r.number, e.version, e.position FROM unnest($1, $2) WITH ORDINALITY AS \
                 r (aggregate, id, number) CROSS JOIN LATERAL (SELECT version, position FROM \
                 {s}.events WHERE aggregate = r.aggregate AND aggregate_id = r.id ORDER BY \
                 version DESC LIMIT 1) e"
            ),
            known_appends: format!(
                "SELECT a.last_version, a.events, a.position, a.recorded_at, a.request, r.number FROM \
                 unnest($1, $2, $3) WITH ORDINALITY AS r (aggregate, id, append_id, number) JOIN \
                 {s}.appends a ON a.aggregate = r.aggregate AND a.aggregate_id = r.id AND \
                 a.append_id = r.append_id"
            ),
            insert_events: format!(
                "WITH written AS (INSERT INTO {s}.events (position, recorded_at, version, event_id, \
                 schema_version, aggregate, aggregate_id, event, content_type, metadata, \
                 payload) SELECT p, $2, v, i, s, a, k, n, c, m::json, b FROM unnest($1, \
                 $3, $4, $5, $6, $7, $8, $9, $10, $11) AS r (p, v, i, s, a, k, n, c, m, b) \
                 RETURNING 1) SELECT 1 / (count(*) = cardinality($1))::int FROM written"
            ),
            insert_appends: format!(
                "WITH written AS (INSERT INTO {s}.appends (recorded_at, aggregate, aggregate_id, \
                 append_id, last_version, events, position, request) SELECT * FROM unnest($1, $2, $3, \
                 $4, $5, $6, $7, $8) RETURNING 1) SELECT 1 / (count(*) = cardinality($1))::int FROM written"
            ),
            advance: format!(
                "WITH moved AS (UPDATE {s}.head SET position = $1 WHERE position = $2 RETURNING \
                 1) SELECT 1 / count(*) FROM moved"
            ),
            append_single_round_trip: SingleAppend::new(&s),
            known_events: format!(
                "SELECT event_id, position, recorded_at FROM {s}.events WHERE event_id = ANY($1)"
            ),
            head: format!("SELECT position FROM {s}.head"),
            // The limit keeps the planner from joining with all events, which it does before it has statistics.
            newest: format!(
                "SELECT h.position, e.event_id, e.recorded_at FROM {s}.head h LEFT JOIN LATERAL (SELECT event_id, \
                 recorded_at FROM {s}.events WHERE position = h.position LIMIT 1) e ON true"
            ),
            fold: format!(
                "SELECT {STORED_COLUMNS} {of_stream} AND version > $3 ORDER BY version LIMIT $4"
            ),
            stream_forward: Pages::new(&format!("{of_stream} AND version > $5"), "version"),
            stream_backward: Pages::new(&format!("{of_stream} AND version < $5"), "version DESC"),
            feed: Pages::new(&of_feed, "position"),
            feed_of_names: Pages::new(&format!("{of_feed} AND event = ANY($5)"), "position"),
            feed_of_aggregates: Pages::new(
                &format!(
                    "{of_feed} AND ($5::text[] IS NULL OR event = ANY($5)) AND aggregate = ANY($6)"
                ),
                "position",
            ),
            // One look at the index finds the next stream, however many events lie between.
            stream_ids: format!(
                "WITH RECURSIVE s (id, number) AS (SELECT (SELECT aggregate_id FROM {s}.events WHERE aggregate = $1 AND \
                 aggregate_id > $2 ORDER BY aggregate, aggregate_id LIMIT 1), 1::bigint UNION ALL SELECT (SELECT \
                 e.aggregate_id FROM {s}.events e WHERE e.aggregate = $1 AND e.aggregate_id > s.id ORDER BY e.aggregate, \
                 e.aggregate_id LIMIT 1), s.number + 1 FROM s WHERE s.id IS NOT NULL AND s.number < $3) SELECT id FROM s \
                 WHERE id IS NOT NULL ORDER BY number"
            ),
            first_append: format!(
                "SELECT last_version, events, position, recorded_at, request FROM {s}.appends WHERE \
                 aggregate = $1 AND aggregate_id = $2 AND append_id = $3"
            ),
            load_snapshot: format!(
                "SELECT version, position, fingerprint, content_type, state FROM {s}.snapshots \
                 WHERE aggregate = $1 AND aggregate_id = $2"
            ),
            // A cache need not be on the disk before the answer.
            save_snapshot: format!(
                "WITH soon AS (SELECT set_config('synchronous_commit', 'off', true)) INSERT INTO \
                 {s}.snapshots AS old (aggregate, aggregate_id, version, position, fingerprint, \
                 content_type, state) SELECT $1, $2, $3, $4, $5, $6, $7 FROM soon ON CONFLICT \
                 (aggregate, aggregate_id) DO UPDATE SET version = excluded.version, position = \
                 excluded.position, fingerprint = excluded.fingerprint, content_type = \
                 excluded.content_type, state = excluded.state WHERE excluded.version > \
                 old.version OR excluded.fingerprint <> old.fingerprint"
            ),
            delete_snapshot: format!(
                "DELETE FROM {s}.snapshots WHERE aggregate = $1 AND aggregate_id = $2"
            ),
            // Claims do not take the lock on the end of the feed, so a commit locks its rows.
            work_epochs: format!(
                "SELECT r.number, s.epoch FROM unnest($1, $2) WITH ORDINALITY AS r (aggregate, id, \
                 number) JOIN {s}.work s ON s.aggregate = r.aggregate AND s.aggregate_id = r.id FOR UPDATE OF s"
            ),
            work_put: format!(
                "INSERT INTO {s}.work (aggregate, aggregate_id, definition, status, phase, reason, due_at, epoch, \
                 updated_at) SELECT r.*, $9 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS r ON \
                 CONFLICT (aggregate, aggregate_id) DO UPDATE SET definition = excluded.definition, status = \
                 excluded.status, phase = excluded.phase, reason = excluded.reason, due_at = \
                 excluded.due_at, updated_at = excluded.updated_at"
            ),
            work_release: format!(
                "UPDATE {s}.work AS s SET owner = NULL, lease_until = NULL FROM unnest($1, $2) AS r \
                 (aggregate, id) WHERE s.aggregate = r.aggregate AND s.aggregate_id = r.id"
            ),
            cursors: format!(
                "SELECT position, consumer, inputs FROM {s}.cursors WHERE consumer = ANY($1)"
            ),
            cursor: format!("SELECT position, inputs FROM {s}.cursors WHERE consumer = $1"),
            move_cursors: format!(
                "INSERT INTO {s}.cursors AS old (consumer, position, inputs) SELECT * FROM unnest($1, $2, $3) ON \
                 CONFLICT (consumer) DO UPDATE SET position = excluded.position, inputs = \
                 coalesce(excluded.inputs, old.inputs)"
            ),
            work_claim: format!(
                "UPDATE {s}.work AS s SET epoch = s.epoch + 1, owner = $2, updated_at = \
                 coalesce($5, clock_timestamp()), lease_until = \
                 coalesce($5, clock_timestamp()) + $3 * interval '1 microsecond' FROM (SELECT \
                 aggregate, aggregate_id, lease_until IS NOT NULL AS lease_expired FROM {s}.work WHERE aggregate = ANY($1) \
                 AND status = 'running' AND due_at <= coalesce($5, clock_timestamp()) AND (lease_until IS NULL OR lease_until <= \
                 coalesce($5, clock_timestamp())) ORDER BY due_at LIMIT $4 FOR UPDATE SKIP \
                 LOCKED) AS due WHERE s.aggregate = due.aggregate AND s.aggregate_id = due.aggregate_id RETURNING s.aggregate, s.aggregate_id, \
                 s.epoch, s.due_at, due.lease_expired"
            ),
            work_renew: format!(
                "UPDATE {s}.work SET updated_at = coalesce($5, clock_timestamp()), lease_until = \
                 coalesce($5, clock_timestamp()) + $4 * \
                 interval '1 microsecond' WHERE aggregate = $1 AND aggregate_id = $2 AND epoch = $3 RETURNING 1"
            ),
            work_items: work_items("$8::timestamptz IS NULL"),
            // The index of what is due has running items only.
            work_due: work_items("status = 'running' AND due_at < $8::timestamptz"),
            work_counts: format!(
                "SELECT aggregate, status, count(*) FROM {s}.work WHERE $1::text[] = '{{}}' OR aggregate = \
                 ANY($1) GROUP BY aggregate, status"
            ),
            // Whether there is an event is asked only for a rule that is not on: all after a position are looked
            // through, where this store has the event that is known to be there.
            rules: format!(
                "SELECT r.number, u.rule IS NOT NULL, CASE WHEN u.rule IS NULL THEN EXISTS (SELECT FROM \
                 {s}.events e WHERE e.position > coalesce((SELECT k.position FROM {s}.events k WHERE k.position = \
                 r.after AND k.event_id = r.id AND k.recorded_at = r.time), 0) AND e.event = r.event) ELSE true END FROM \
                 unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS r (rule, event, after, id, time, number) LEFT JOIN {s}.rules u ON \
                 u.rule = r.rule AND u.event = r.event"
            ),
            all_rules: format!("SELECT rule, event FROM {s}.rules"),
            unique_values: format!(
                "SELECT u.rule, u.value, u.aggregate, u.aggregate_id, u.position, u.free_at FROM unnest($1, \
                 $2) AS r (rule, value) JOIN {s}.unique_values u ON u.rule = r.rule AND u.value = r.value \
                 UNION ALL SELECT u.rule, u.value, u.aggregate, u.aggregate_id, u.position, u.free_at FROM \
                 unnest($3, $4, $5) AS r (rule, aggregate, id) JOIN {s}.unique_values u ON u.rule = r.rule \
                 AND u.aggregate = r.aggregate AND u.aggregate_id = r.id AND u.free_at IS NULL"
            ),
            // The number says which rules are on. One that counts would be the same after a failover that lost a rule, once
            // another rule is turned on.
            turn_on: format!(
                "WITH on_now AS (INSERT INTO {s}.rules (rule, event) SELECT * FROM unnest($1, $2)) UPDATE \
                 {s}.head SET rules = hashtextextended(gen_random_uuid()::text, 0) WHERE cardinality($1) > 0"
            ),
            unique_delete: format!(
                "DELETE FROM {s}.unique_values u USING unnest($1, $2) AS r (rule, value) WHERE u.rule = \
                 r.rule AND u.value = r.value"
            ),
            unique_put: format!(
                "INSERT INTO {s}.unique_values (rule, value, aggregate, aggregate_id, position, free_at) SELECT \
                 * FROM unnest($1, $2, $3, $4, $5, $6) ON CONFLICT (rule, value) DO UPDATE SET aggregate = \
                 excluded.aggregate, aggregate_id = excluded.aggregate_id, position = excluded.position, \
                 free_at = excluded.free_at"
            ),
            unique_walk: format!("SELECT position FROM {s}.unique_walks WHERE rule = $1"),
            unique_waiting: format!(
                "SELECT aggregate, aggregate_id, value, position FROM {s}.unique_duplicates WHERE rule = $1"
            ),
            has_later: format!(
                "SELECT EXISTS (SELECT FROM {s}.events WHERE position > $1 AND event = ANY($2))"
            ),
            unique_walk_put: format!(
                "INSERT INTO {s}.unique_walks (rule, position) VALUES ($1, $2) ON CONFLICT (rule) DO UPDATE SET \
                 position = excluded.position"
            ),
            unique_waiting_delete: format!("DELETE FROM {s}.unique_duplicates WHERE rule = $1"),
            unique_waiting_put: format!(
                "INSERT INTO {s}.unique_duplicates (rule, aggregate, aggregate_id, value, position) SELECT $1, r.* \
                 FROM unnest($2, $3, $4, $5) AS r"
            ),
            unique_holder: format!(
                "SELECT aggregate, aggregate_id FROM {s}.unique_values WHERE rule = $1 AND value = $2 AND \
                 (free_at IS NULL OR free_at >= coalesce($3, clock_timestamp()))"
            ),
            // The bounds of the one tag are written as a range, because the planner takes the index in its order then: a
            // page costs the same however many events the tag has. Of several tags the one with the fewest events is
            // taken, as far as a look at some shows. Where an event is missing, its row has only a position.
            tagged: Pages::new(
                &format!(
                    "FROM (WITH seed AS MATERIALIZED (SELECT x.tag FROM unnest($5) WITH ORDINALITY AS x (tag, \
                     number) ORDER BY CASE WHEN cardinality($5) > 1 THEN (SELECT count(*) FROM (SELECT FROM \
                     {s}.event_tags c WHERE c.tag = x.tag AND c.position > $1 LIMIT 1000) few) ELSE 0 END, x.number \
                     LIMIT 1) SELECT t.position FROM {s}.event_tags t WHERE (t.tag, t.position) > ((SELECT tag \
                     FROM seed), $1) AND t.tag <= (SELECT tag FROM seed) AND t.event = ANY($2) AND NOT EXISTS \
                     (SELECT FROM unnest($5) AS x (tag) WHERE NOT EXISTS (SELECT FROM {s}.event_tags b WHERE b.tag = \
                     x.tag AND b.position = t.position)) ORDER BY t.tag, t.position LIMIT $3) found {event_found}"
                ),
                "position",
            ),
            // It goes from the newest event of one tag to the next older one of the other, until as many in a row agree as
            // there are tags. Each step has a constant limit, so it is one look at the index, whatever the planner knows.
            tagged_backward: Pages::new(
                &format!(
                    "FROM (WITH RECURSIVE step (number, agreed, position, event) AS (SELECT 0, cardinality($5), $6::int8, \
                     NULL::text COLLATE \"C\" UNION ALL SELECT s.number + 1, CASE WHEN t.position = s.position THEN s.agreed + 1 ELSE 1 \
                     END, t.position, t.event FROM step s CROSS JOIN LATERAL (SELECT i.position, i.event FROM \
                     {s}.event_tags i WHERE i.tag = ($5)[s.number % cardinality($5) + 1] AND i.position > $1 AND i.position \
                     <= s.position - (s.agreed = cardinality($5))::int ORDER BY i.position DESC LIMIT 1) t) SELECT position \
                     FROM step WHERE agreed = cardinality($5) AND event = ANY($2) LIMIT $3) found {event_found}"
                ),
                "position DESC",
            ),
            // The names and the further tags of a guard are a part of one array each.
            tags_guards: format!(
                "SELECT g.number, (SELECT t.position FROM {s}.event_tags t WHERE t.tag = g.tag AND t.position > \
                 g.after AND t.event = ANY(($7)[g.name:g.last_name]) AND NOT EXISTS (SELECT FROM \
                 unnest(($8)[g.other:g.last_other]) AS o (tag) WHERE NOT EXISTS (SELECT FROM {s}.event_tags b \
                 WHERE b.tag = o.tag AND b.position = t.position)) ORDER BY t.position LIMIT 1) FROM unnest($1, \
                 $2, $3, $4, $5, $6) WITH ORDINALITY AS g (tag, after, name, last_name, other, last_other, \
                 number)"
            ),
            // Where a trigger keeps a row out, the division fails, and with it the transaction.
            tags_put: format!(
                "WITH written AS (INSERT INTO {s}.event_tags (tag, position, event) SELECT * FROM unnest($1, $2, $3) \
                 RETURNING 1) SELECT 1 / (count(*) = cardinality($1))::int FROM written"
            ),
            tags_walked: format!(
                "INSERT INTO {s}.event_tags (tag, position, event) SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO \
                 NOTHING"
            ),
            // Some rows were there before, so what was written is not what is there.
            tags_missing: format!(
                "SELECT EXISTS (SELECT FROM unnest($1, $2, $3) AS r (tag, position, event) WHERE NOT EXISTS (SELECT FROM \
                 {s}.event_tags t WHERE t.tag = r.tag AND t.position = r.position AND t.event = r.event))"
            ),
            tag_walks: format!(
                "SELECT w.event, w.kind, w.position FROM unnest($1, $2) AS r (event, kind) JOIN {s}.tag_walks w \
                 ON w.event = r.event AND w.kind = r.kind"
            ),
            tag_walks_delete: format!(
                "DELETE FROM {s}.tag_walks w USING unnest($1, $2) AS r (event, kind) WHERE w.event = r.event AND \
                 w.kind = r.kind"
            ),
            tag_walks_put: format!(
                "INSERT INTO {s}.tag_walks (event, kind, position) SELECT * FROM unnest($1, $2, $3)"
            ),
            now: "SELECT clock_timestamp()".to_owned(),
            store_id: format!("SELECT id::text FROM {s}.store_id"),
        }
    }

    /// The statements of an append with the types of their parameters, to be ready before a flight.
    pub(crate) fn of_appends(&self) -> [(&str, &'static [Type]); 7] {
        [
            (&self.lock, &[]),
            (&self.stream_heads, STREAM_HEADS),
            (&self.known_appends, KNOWN_APPENDS),
            (&self.insert_events, INSERT_EVENTS),
            (&self.insert_appends, INSERT_APPENDS),
            (&self.advance, ADVANCE),
            (&self.known_events, KNOWN_EVENTS),
        ]
    }
}

impl Statements {
    /// The statements about unique values and tags, to be ready before a flight.
    pub(crate) fn of_rules(&self) -> [(&str, &'static [Type]); 7] {
        [
            (&self.rules, RULES),
            (&self.tags_guards, TAGS_GUARDS),
            (&self.tags_put, TAGS_PUT),
            (&self.unique_values, UNIQUE_VALUES),
            (&self.turn_on, &[Type::TEXT_ARRAY, Type::TEXT_ARRAY]),
            (&self.unique_delete, &[Type::TEXT_ARRAY, Type::BYTEA_ARRAY]),
            (&self.unique_put, UNIQUE_PUT),
        ]
    }

    /// The statements of a commit, to be ready before a flight.
    pub(crate) fn of_commits(&self) -> [(&str, &'static [Type]); 5] {
        [
            (&self.work_epochs, &[Type::TEXT_ARRAY, Type::TEXT_ARRAY]),
            (&self.work_put, WORK_PUT),
            (&self.work_release, &[Type::TEXT_ARRAY, Type::TEXT_ARRAY]),
            (&self.cursors, &[Type::TEXT_ARRAY]),
            (&self.move_cursors, MOVE_CURSORS),
        ]
    }
}

pub(crate) const RULES: &[Type] = &[
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::UUID_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
];
const TAGS_GUARDS: &[Type] = &[
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::INT4_ARRAY,
    Type::INT4_ARRAY,
    Type::INT4_ARRAY,
    Type::INT4_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
];
const TAGS_PUT: &[Type] = &[Type::TEXT_ARRAY, Type::INT8_ARRAY, Type::TEXT_ARRAY];
const UNIQUE_VALUES: &[Type] = &[
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
];
const UNIQUE_PUT: &[Type] = &[
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
];
const MOVE_CURSORS: &[Type] = &[Type::TEXT_ARRAY, Type::TEXT_ARRAY, Type::TEXT_ARRAY];
const WORK_PUT: &[Type] = &[
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
    Type::INT8_ARRAY,
    Type::TIMESTAMPTZ,
];
const STREAM_HEADS: &[Type] = &[Type::TEXT_ARRAY, Type::TEXT_ARRAY];
const KNOWN_APPENDS: &[Type] = &[Type::TEXT_ARRAY, Type::TEXT_ARRAY, Type::TEXT_ARRAY];
const INSERT_EVENTS: &[Type] = &[
    Type::INT8_ARRAY,
    Type::TIMESTAMPTZ,
    Type::INT8_ARRAY,
    Type::UUID_ARRAY,
    Type::INT4_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
];
const INSERT_APPENDS: &[Type] = &[
    Type::TIMESTAMPTZ_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
];
const ADVANCE: &[Type] = &[Type::INT8, Type::INT8];
const KNOWN_EVENTS: &[Type] = &[Type::UUID_ARRAY];
