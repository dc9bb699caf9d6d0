//! Decisions in every legal form that the derive must accept.

use ::renamed::{Aggregate, Apply, Event};
use ::renamed_decisions::{Decide, Decision, Emitted};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, fmt, prelude::v1::*, sync::Arc};

/// An event.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event("decisions.moved", crate = "::renamed")]
pub struct Moved {}

/// An aggregate.
#[derive(Aggregate, Clone, Default, Debug)]
#[aggregate("decisions-account", id = String, error = fmt::Error, events(Moved), crate = "::renamed")]
pub struct Account {
    moved: bool,
}

impl Apply<Moved> for Account {
    fn apply(&mut self, _: &Moved) {
        self.moved = true;
    }
}

/// As its documentation shows it, with the id behind a pointer.
#[derive(Decision, Debug)]
#[decision("transfer", error = fmt::Error, crate = "::renamed_decisions")]
#[decision(reads(from: Account(from), to: Account(to)))]
pub struct Transfer {
    from: String,
    to: Arc<String>,
}

impl Decide for Transfer {
    fn decide(&self, read: &TransferReads) -> Result<Emitted<Self>, fmt::Error> {
        if read.to.moved {
            return Err(fmt::Error);
        }
        Ok(Emitted::new()
            .on::<Account>(&self.from, Moved {}.into())
            .on::<Account>(&*self.to, Moved {}.into()))
    }
}

/// The reads of [`Transfer`] have `Debug`, because all aggregates have it.
#[must_use]
pub fn shown(read: &TransferReads) -> String {
    ::std::format!("{read:?}")
}

/// An aggregate with no more than what is needed.
#[derive(Aggregate, Clone, Default)]
#[aggregate("decisions-bare", id = u64, error = Infallible, events(Moved), crate = "::renamed")]
#[expect(missing_debug_implementations, reason = "on purpose")]
pub struct Bare;

impl Apply<Moved> for Bare {
    fn apply(&mut self, _: &Moved) {}
}

/// Many reads with names that are alike, and one id for two aggregates.
#[derive(Decision)]
#[decision("alike", error = Infallible, reads_struct = AllBare, crate = "::renamed_decisions")]
#[decision(reads(
    bare_first: Bare(first),
    bare_second: Bare(second),
    bare_third: Bare(third),
    bare_other: Other(first),
))]
#[expect(missing_debug_implementations, reason = "on purpose")]
pub struct Alike {
    first: u64,
    second: u64,
    third: u64,
}

impl Decide for Alike {
    fn decide(&self, _: &AllBare) -> Result<Emitted<Self>, Infallible> {
        Ok(Emitted::new())
    }
}

/// The same state under another stored name.
#[derive(Aggregate, Clone, Default)]
#[aggregate("decisions-other", id = u64, error = Infallible, events(Moved), crate = "::renamed")]
#[expect(missing_debug_implementations, reason = "on purpose")]
pub struct Other;

impl Apply<Moved> for Other {
    fn apply(&mut self, _: &Moved) {}
}

/// Keywords as names of types, modules and fields.
pub mod raw {
    use super::{Account, Decide, Decision, Emitted, Infallible};
    use ::std::prelude::v1::*;

    /// A keyword as a module.
    pub mod r#mod {
        pub use crate::decisions::Account as r#Try;
    }

    /// A keyword as a struct.
    #[derive(Decision, Debug)]
    #[decision("raw", error = Infallible, crate = "::renamed_decisions")]
    #[decision(reads(r#type: Account(r#fn), r#match: r#mod::r#Try(r#in)))]
    #[allow(non_camel_case_types)]
    pub struct r#do {
        r#fn: String,
        r#in: String,
    }

    impl Decide for r#do {
        fn decide(&self, read: &doReads) -> Result<Emitted<Self>, Infallible> {
            let _ = (&read.r#type, &read.r#match);
            Ok(Emitted::new())
        }
    }
}

/// Names of the user's that are those of generated code.
pub mod shadows {
    use super::{Account, Decision, Infallible};
    use ::std::string::String as Text;

    /// Hides the type.
    #[derive(Debug)]
    pub struct Vec;
    /// Hides the type.
    #[derive(Debug)]
    pub struct Read;
    /// Hides the type.
    #[derive(Debug)]
    pub struct Reads;
    /// Hides the trait.
    pub trait ReadSource {}

    /// Hides what the derive implements and what that calls.
    #[derive(Decision, Debug)]
    #[decision("shadows", error = Infallible, reads(each: Account(reads), of: Account(of)))]
    #[decision(crate = "::renamed_decisions")]
    pub struct Decide {
        reads: Text,
        of: Text,
    }

    impl ::renamed_decisions::Decide for Decide {
        fn decide(
            &self,
            _: &DecideReads,
        ) -> ::std::result::Result<::renamed_decisions::Emitted<Self>, Infallible> {
            ::std::result::Result::Ok(::renamed_decisions::Emitted::new())
        }
    }
}

/// Under `crate::..`.
pub mod facade {
    pub use ::renamed_decisions as es;

    /// Finds its crate under another path.
    pub mod inner {
        use super::super::{Account, Infallible};
        use super::es::{Decide, Decision, Emitted};
        use ::std::prelude::v1::*;

        /// A decision.
        #[derive(Decision, Debug)]
        #[decision("facade", error = Infallible, reads(only: Account(id)))]
        #[decision(crate = crate::decisions::facade::es)]
        pub struct Facade {
            id: String,
        }

        impl Decide for Facade {
            fn decide(&self, _: &FacadeReads) -> Result<Emitted<Self>, Infallible> {
                Ok(Emitted::new())
            }
        }
    }
}

/// Private, and seen by a part of the crate only.
pub mod hidden {
    use super::{Account, Decide, Decision, Emitted, Infallible};
    use ::std::prelude::v1::*;

    #[derive(Decision)]
    #[decision("hidden", error = Infallible, reads(only: Account(id)), crate = "::renamed_decisions")]
    struct Hidden {
        id: String,
    }

    impl Decide for Hidden {
        fn decide(&self, _: &HiddenReads) -> Result<Emitted<Self>, Infallible> {
            Ok(Emitted::new())
        }
    }

    mod deeper {
        use super::{Account, Decision, Infallible};
        use ::std::prelude::v1::*;

        #[derive(Decision)]
        #[decision("deeper", error = Infallible, reads(only: Account(id)), crate = "::renamed_decisions")]
        pub(in crate::decisions) struct Deeper {
            pub(super) id: String,
        }
    }

    impl Decide for deeper::Deeper {
        fn decide(&self, read: &deeper::DeeperReads) -> Result<Emitted<Self>, Infallible> {
            let _ = &read.only;
            Ok(Emitted::new())
        }
    }

    /// Uses both.
    #[must_use]
    pub fn names() -> [&'static str; 2] {
        let id = String::new();
        let hidden = Hidden { id: id.clone() };
        let deeper = deeper::Deeper { id };
        drop((hidden.reads(), deeper.reads()));
        [Hidden::NAME, deeper::Deeper::NAME]
    }
}

/// A decision whose every part comes out of a `macro_rules`.
pub mod macros {
    use super::{Account, Decide, Decision, Emitted, Infallible};
    use ::std::prelude::v1::*;

    macro_rules! decision {
        (
            $name:ident, $stored:literal, $error:ty, $krate:path, $reads_struct:ident,
            $($read:ident: $aggregate:path = $field:ident: $id:ty),*
        ) => {
            /// Made of fragments.
            #[derive(Decision, Debug)]
            #[decision($stored, error = $error, reads_struct = $reads_struct, crate = $krate)]
            #[decision(reads(own: Account(own), $($read: $aggregate($field)),*))]
            pub struct $name {
                own: String,
                $($field: $id,)*
            }

            impl Decide for $name {
                fn decide(&self, read: &$reads_struct) -> Result<Emitted<Self>, $error> {
                    let _ = (&read.own, $(&read.$read),*);
                    Ok(Emitted::new())
                }
            }
        };
    }

    decision!(
        Made, "made", Infallible, ::renamed_decisions, MadeOf,
        first: Account = one: String, second: super::Bare = two: u64
    );

    macro_rules! plain {
        ($name:ident) => {
            /// The name of its reads is made of the fragment.
            #[derive(Decision, Debug)]
            #[decision("plain", error = Infallible, reads(it: $crate::decisions::Account(id)))]
            #[decision(crate = ::renamed_decisions)]
            pub struct $name {
                id: String,
            }
        };
    }

    plain!(Plain);

    impl Decide for Plain {
        fn decide(&self, read: &PlainReads) -> Result<Emitted<Self>, Infallible> {
            let _ = &read.it;
            Ok(Emitted::new())
        }
    }
}

/// A deprecated aggregate, allowed on the struct.
pub mod deprecated {
    use super::{Aggregate, Apply, Decide, Decision, Emitted, Infallible, Moved};
    use ::std::prelude::v1::*;

    /// No longer used.
    #[deprecated]
    #[derive(Aggregate, Clone, Default, Debug)]
    #[aggregate("decisions-old", id = String, error = Infallible, events(Moved), crate = "::renamed")]
    pub struct Old;

    #[allow(deprecated)]
    impl Apply<Moved> for Old {
        fn apply(&mut self, _: &Moved) {}
    }

    /// Still reads it.
    #[derive(Decision, Debug)]
    #[decision("old", error = Infallible, reads(old: Old(id)), crate = "::renamed_decisions")]
    #[allow(deprecated)]
    pub struct ReadOld {
        id: String,
    }

    impl Decide for ReadOld {
        fn decide(&self, _: &ReadOldReads) -> Result<Emitted<Self>, Infallible> {
            Ok(Emitted::new())
        }
    }
}
