-- What cqrs-es 0.5.0 with sqlite-es 0.5.0 wrote: `CqrsFramework::execute_with_metadata` with the commands of two accounts
-- and a customer on the table of its documentation, and then the `.dump` of sqlite3.
CREATE TABLE events (aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, sequence INTEGER CHECK (sequence >= 0) NOT NULL, event_type TEXT NOT NULL, event_version TEXT NOT NULL, payload TEXT NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT;
INSERT INTO events VALUES('account','A-1',1,'AccountOpened','1.0','{"AccountOpened":{"owner":"ada"}}','{"time":"2023-03-01T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('account','A-2',1,'AccountOpened','1.0','{"AccountOpened":{"owner":"bob"}}','{"time":"2023-03-02T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('customer','C/7',1,'NameAdded','2.0','{"NameAdded":"Ada \"the\" Löve"}','{"time":"2023-03-02T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('account','A-1',2,'Deposited','1.0','{"Deposited":{"balance":500,"cents":500}}','{"time":"2023-03-05T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('account','A-2',2,'Deposited','1.0','{"Deposited":{"balance":70,"cents":70}}','{"time":"2023-03-03T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('account','A-1',3,'Withdrawn','1.0','{"Withdrawn":{"balance":300,"cents":200}}','{"time":"2023-03-04T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('account','A-2',3,'Withdrawn','1.0','{"Withdrawn":{"balance":0,"cents":70}}','{"time":"2023-03-06T12:00:00Z","user":"ada"}');
INSERT INTO events VALUES('account','A-2',4,'Closed','1.0','"Closed"','{"time":"2023-03-07T12:00:00Z","user":"ada"}');
