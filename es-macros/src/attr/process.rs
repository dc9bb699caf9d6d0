//! `#[process_manager(..)]`.

use super::{CratePath, Flag, Key, Place, Slot, projection::List, read};
use crate::diag::Diag;
use syn::Attribute;

pub(crate) struct OnProcessManager {
    pub(crate) reacts: Slot<List>,
    pub(crate) timers: Slot<Flag>,
    pub(crate) rejections: Slot<Flag>,
    pub(crate) krate: Slot<CratePath>,
}

impl OnProcessManager {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            reacts: Slot::new("reacts"),
            timers: Slot::new("timers"),
            rejections: Slot::new("rejections"),
            krate: Slot::new("crate"),
        };
        let mut keys: [&mut dyn Key; 4] = [
            &mut this.reacts,
            &mut this.timers,
            &mut this.rejections,
            &mut this.krate,
        ];
        read(diag, Place::ProcessManager, attrs, None, &mut keys);
        this
    }
}
