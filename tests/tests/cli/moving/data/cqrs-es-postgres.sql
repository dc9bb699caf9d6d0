-- The same commands with postgres-es 0.5.0, and then `pg_dump --inserts`.
CREATE TABLE events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT events_sequence_check CHECK ((sequence >= 0))
);
INSERT INTO events VALUES ('account', 'A-1', 1, 'AccountOpened', '1.0', '{"AccountOpened": {"owner": "ada"}}', '{"time": "2023-03-01T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('account', 'A-2', 1, 'AccountOpened', '1.0', '{"AccountOpened": {"owner": "bob"}}', '{"time": "2023-03-02T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('customer', 'C/7', 1, 'NameAdded', '2.0', '{"NameAdded": "Ada \"the\" Löve"}', '{"time": "2023-03-02T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('account', 'A-1', 2, 'Deposited', '1.0', '{"Deposited": {"cents": 500, "balance": 500}}', '{"time": "2023-03-05T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('account', 'A-2', 2, 'Deposited', '1.0', '{"Deposited": {"cents": 70, "balance": 70}}', '{"time": "2023-03-03T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('account', 'A-1', 3, 'Withdrawn', '1.0', '{"Withdrawn": {"cents": 200, "balance": 300}}', '{"time": "2023-03-04T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('account', 'A-2', 3, 'Withdrawn', '1.0', '{"Withdrawn": {"cents": 70, "balance": 0}}', '{"time": "2023-03-06T12:00:00Z", "user": "ada"}');
INSERT INTO events VALUES ('account', 'A-2', 4, 'Closed', '1.0', '"Closed"', '{"time": "2023-03-07T12:00:00Z", "user": "ada"}');
ALTER TABLE ONLY events
    ADD CONSTRAINT events_pkey PRIMARY KEY (aggregate_type, aggregate_id, sequence);
