//! What one value looks like on the wire: a field of an event, of one of its older versions or of a
//! type inside of events.

use syn::Type;

/// One value.
#[derive(Clone)]
pub(crate) struct ValueShape {
    pub(crate) ty: Type,
    pub(crate) scalar: Option<String>,
    pub(crate) unit: Option<String>,
    /// The name under which the type contains itself here.
    pub(crate) recursive: Option<String>,
}
