//! Refusals with a code, a reason and a remedy each.

macro_rules! refusals {
    ($(#[$enum_doc:meta])* $enum:ident; $($(#[$doc:meta])* $name:ident = $code:literal, $reason:literal, $remedy:literal;)*) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
        pub enum $enum {
            $($(#[$doc])* #[error($reason)] $name,)*
        }

        impl $enum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// A stable name for machines.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What is wrong.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// What to do.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

pub(crate) use refusals;
