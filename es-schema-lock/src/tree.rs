//! The text of a shape, read: differences and payloads are compared with its parts, since a lock has nothing else.

/// The greatest depth that is read part by part.
const MAX_DEPTH: usize = 100;

/// The text of a shape as a tree, with the text of each part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree<'a> {
    pub(super) text: &'a str,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Leaf,
    /// `[T]`
    Seq(Box<Tree<'a>>),
    Option(Box<Tree<'a>>),
    /// `T@unit`
    Unit(Box<Tree<'a>>, &'a str),
    Map(Box<Tree<'a>>, Box<Tree<'a>>),
    Tuple(Vec<Tree<'a>>),
    Struct(Vec<(&'a str, Tree<'a>)>),
    /// Variants with the tree of what they hold; one without data holds an empty leaf.
    Enum(Vec<(&'a str, Tree<'a>)>),
}

/// The tree of a text, `None` where it is none, or nests too deep.
pub(super) fn parse(text: &str) -> Option<Tree<'_>> {
    let mut parser = Parser { left: text };
    let tree = parser.node(0)?;
    parser.left.is_empty().then_some(tree)
}

struct Parser<'a> {
    left: &'a str,
}

impl<'a> Parser<'a> {
    fn take(&mut self, token: &str) -> Option<()> {
        self.left = self.left.strip_prefix(token)?;
        Some(())
    }

    fn name(&mut self) -> Option<&'a str> {
        let end = match self.left.strip_prefix('"') {
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.char_indices().find_map(|(index, c)| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends.then_some(index)
                })?;
                end + 2
            }
            None => self
                .left
                .find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"_-.$/".contains(c))
                .unwrap_or(self.left.len()),
        };
        let (name, left) = self.left.split_at_checked(end)?;
        self.left = left;
        (!name.is_empty()).then_some(name)
    }

    /// What was read since `start`.
    fn since(&self, start: &'a str) -> Option<&'a str> {
        start.get(..start.len() - self.left.len())
    }

    fn node(&mut self, depth: usize) -> Option<Tree<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let start = self.left;
        let kind = match start.chars().next()? {
            '[' => {
                self.take("[")?;
                let inner = self.node(depth + 1)?;
                self.take("]")?;
                Kind::Seq(Box::new(inner))
            }
            '(' => Kind::Tuple(self.tuple(depth)?),
            '{' => self.braces(depth)?,
            '<' => Kind::Enum(self.variants(depth)?),
            '^' => {
                self.take("^")?;
                self.name()?;
                Kind::Leaf
            }
            _ => {
                self.name()?;
                Kind::Leaf
            }
        };
        let mut tree = Tree {
            text: self.since(start)?,
            kind,
        };
        loop {
            let kind = if self.take("?").is_some() {
                Kind::Option(Box::new(tree))
            } else if self.take("@").is_some() {
                Kind::Unit(Box::new(tree), self.name()?)
            } else {
                return Some(tree);
            };
            tree = Tree {
                text: self.since(start)?,
                kind,
            };
        }
    }

    fn tuple(&mut self, depth: usize) -> Option<Vec<Tree<'a>>> {
        self.take("(")?;
        let mut parts = Vec::new();
        while self.take(")").is_none() {
            if !parts.is_empty() {
                self.take(",")?;
            }
            parts.push(self.node(depth + 1)?);
        }
        Some(parts)
    }

    fn braces(&mut self, depth: usize) -> Option<Kind<'a>> {
        self.take("{")?;
        if self.take("}").is_some() {
            return Some(Kind::Struct(Vec::new()));
        }
        let start = self.left;
        if self.name().is_none() || self.take(":").is_none() {
            self.left = start;
            let key = self.node(depth + 1)?;
            self.take("=>")?;
            let value = self.node(depth + 1)?;
            self.take("}")?;
            return Some(Kind::Map(Box::new(key), Box::new(value)));
        }
        self.left = start;
        let mut fields = Vec::new();
        while self.take("}").is_none() {
            if !fields.is_empty() {
                self.take(",")?;
            }
            let name = self.name()?;
            self.take(":")?;
            fields.push((name, self.node(depth + 1)?));
        }
        Some(Kind::Struct(fields))
    }

    fn variants(&mut self, depth: usize) -> Option<Vec<(&'a str, Tree<'a>)>> {
        self.take("<")?;
        let mut variants = Vec::new();
        while self.take(">").is_none() {
            if !variants.is_empty() {
                self.take("|")?;
            }
            let name = self.name()?;
            let holds = match self.left.chars().next()? {
                '{' | '(' => self.node(depth + 1)?,
                _ => Tree {
                    text: "",
                    kind: Kind::Leaf,
                },
            };
            variants.push((name, holds));
        }
        Some(variants)
    }
}
