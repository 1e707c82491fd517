//! The grammar of regular expressions: what of it is allowed, checked where it is written.

use regex_automata::nfa::thompson;
use regex_syntax::{
    ast::{self, Ast, GroupKind, Visitor},
    hir::{Hir, HirKind, Look, translate::Translator},
};

use crate::{Param, Pattern, PatternError, PatternErrorKind as Kind, path::check_param_name};

/// A regular expression that may be a pattern, without the anchors.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) hir: Hir,
    /// The names of its groups with their byte offsets, in the order of the groups' numbers.
    pub(crate) groups: Vec<(String, usize)>,
    /// Whether it must be put into a group before something is written in front of it.
    pub(crate) is_alternation: bool,
}

impl Expression {
    /// Checks everything but the compiled size.
    pub(crate) fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::new(0, Kind::Empty));
        }
        let ast = ast::parse::Parser::new()
            .parse(pattern)
            .map_err(|error| PatternError::new(error.span().start.offset, Kind::Syntax(error.kind().to_string())))?;
        let groups = ast::visit(&ast, Groups::default())?;
        let hir = Translator::new()
            .translate(pattern, &ast)
            .map_err(|error| PatternError::new(error.span().start.offset, Kind::Syntax(error.kind().to_string())))?;
        let properties = hir.properties();
        if properties.minimum_len().is_none() || properties.maximum_len() == Some(0) {
            return Err(PatternError::new(0, Kind::MatchesNoName));
        }
        Ok(Self {
            hir: without_anchors(hir),
            groups,
            is_alternation: matches!(ast, Ast::Alternation(_)),
        })
    }

    /// The expression compiled, anchored at both ends of the name.
    pub(crate) fn compile(&self) -> Result<thompson::NFA, PatternError> {
        compile(&Hir::concat(vec![
            Hir::look(Look::Start),
            self.hir.clone(),
            Hir::look(Look::End),
        ]))
    }

    /// The parameters that the groups are.
    pub(crate) fn params(&self) -> impl Iterator<Item = Param> {
        self.groups
            .iter()
            .map(|(name, _)| Param::new(name, crate::Converter::Str))
    }
}

/// The text that every match of `hir` starts with, as far as it is written plainly.
pub(crate) fn literal_prefix(hir: &Hir) -> &str {
    match first_part(hir).0.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).unwrap_or_default(),
        _ => "",
    }
}

/// What follows the first `len` bytes of [`literal_prefix`].
pub(crate) fn without_prefix(hir: &Hir, len: usize) -> Hir {
    let (first, others) = first_part(hir);
    let HirKind::Literal(literal) = first.kind() else {
        return hir.clone();
    };
    let rest = Hir::literal(&literal.0[len..]);
    Hir::concat(std::iter::once(rest).chain(others.iter().cloned()).collect())
}

fn first_part(hir: &Hir) -> (&Hir, &[Hir]) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.split_first().unwrap_or((hir, &[])),
        _ => (hir, &[]),
    }
}

/// Anchors at the ends say what holds anyway, and would hide the literal text behind them.
fn without_anchors(hir: Hir) -> Hir {
    let HirKind::Concat(parts) = hir.kind() else {
        return hir;
    };
    let is_look = |part: &Hir, look| matches!(part.kind(), HirKind::Look(found) if *found == look);
    let front = parts.iter().take_while(|part| is_look(part, Look::Start)).count();
    let back = parts[front..]
        .iter()
        .rev()
        .take_while(|part| is_look(part, Look::End))
        .count();
    Hir::concat(parts[front..parts.len() - back].to_vec())
}

/// Compiles within [`Pattern::MAX_COMPILED_BYTES`].
pub(crate) fn compile(hir: &Hir) -> Result<thompson::NFA, PatternError> {
    let config = thompson::Config::new().nfa_size_limit(Some(Pattern::MAX_COMPILED_BYTES));
    thompson::Compiler::new()
        .configure(config)
        .build_from_hir(hir)
        .map_err(|_| too_complex())
}

pub(crate) fn too_complex() -> PatternError {
    PatternError::new(
        0,
        Kind::TooComplex {
            max_bytes: Pattern::MAX_COMPILED_BYTES,
        },
    )
}

/// Gathers the named groups and refuses unnamed ones.
#[derive(Debug, Default)]
struct Groups {
    found: Vec<(String, usize)>,
}

impl Visitor for Groups {
    type Output = Vec<(String, usize)>;
    type Err = PatternError;

    fn finish(self) -> Result<Self::Output, PatternError> {
        Ok(self.found)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), PatternError> {
        let Ast::Group(group) = ast else {
            return Ok(());
        };
        match &group.kind {
            GroupKind::CaptureIndex(_) => Err(PatternError::new(group.span.start.offset, Kind::UnnamedGroup)),
            GroupKind::CaptureName { name, .. } => {
                check_param_name(&name.name, name.span.start.offset)?;
                self.found.push((name.name.clone(), name.span.start.offset));
                Ok(())
            }
            GroupKind::NonCapturing(_) => Ok(()),
        }
    }
}
