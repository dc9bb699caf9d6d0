//! Step 8 changes the room.

use crate::guest;
#[path = "../../tutorial/step-8/lock.rs"]
mod lock;
#[path = "../../tutorial/step-8/room.rs"]
mod room;
