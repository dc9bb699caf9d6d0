//! `#[process_manager(..)]`.

use super::{CratePath, Flag, Key, Place, Single, projection::List, read};
use crate::diag::Diag;
use syn::Attribute;

pub(crate) struct OnProcessManager {
    pub(crate) reacts: Single<List>,
    pub(crate) timers: Single<Flag>,
    pub(crate) rejections: Single<Flag>,
    pub(crate) krate: Single<CratePath>,
}

impl OnProcessManager {
    pub(crate) fn read(diag: &Diag, attrs: &[Attribute]) -> Self {
        let mut this = Self {
            reacts: Single::new("reacts"),
            timers: Single::new("timers"),
            rejections: Single::new("rejections"),
            krate: Single::new("crate"),
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
