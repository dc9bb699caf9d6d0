use super::guest::Guest;
use super::room::Room;

es_schema_lock::schema_lock!(fn room, Room, "locks/room.lock");
es_schema_lock::schema_lock!(fn guest, Guest, "locks/guest.lock");
