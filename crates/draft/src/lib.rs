//! Drafts: a first pact from nothing but a tool list, and templates for common relations.
//!
//! What a tool does is guessed from its name, its description and the JSON Schema of its
//! arguments; annotations only make a guess more severe, since whoever serves a tool writes them.
//! A draft permits every tool of the list, and says of each where the values that identify
//! somebody or something must have come from. Not here: signatures, and any knowledge of one
//! particular tool. A person reads the draft before it is signed.
//!
//! ```
//! use cloister_draft::{Tools, draft};
//! let tools = Tools::parse(br#"{"send_mail": {"description": "Sends a mail.",
//!     "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}}"#)?;
//! let pact = draft(&tools, "mail", jiff::Timestamp::UNIX_EPOCH)?;
//! let compiled = pact::compile(&pact)?;
//! assert_eq!(compiled.tools(), ["send_mail"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod document;
mod effect;
mod parameter;
mod templates;
mod terms;
mod tools;
mod vocabulary;

pub use document::{DraftError, draft};
pub use templates::{ParameterKind, Template, TemplateError, TemplateParameter, templates};
pub use tools::{MAX_TOOLS, MAX_TOOLS_BYTES, Tools, ToolsError};
