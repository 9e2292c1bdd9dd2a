//! Many names in little memory: one text, and where in it each stands.

/// A name and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    pub name: &'a str,
    /// Number of the module in the table's list, 0 for the kernel itself.
    pub module: u16,
    pub marks: u8,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    length: u16,
    module: u16,
    marks: u8,
}

/// Names sorted, equal ones side by side. 150,000 symbols take 5 MB instead of 15.
#[derive(Debug, Default)]
pub struct NameTable {
    text: String,
    entries: Vec<Entry>,
}

/// More text than any kernel has; what comes after it is left out.
const MOST_BYTES: usize = 256 << 20;

impl NameTable {
    pub fn push(&mut self, name: &str, module: u16, marks: u8) {
        if self.text.len() + name.len() > MOST_BYTES || name.len() > usize::from(u16::MAX) {
            return;
        }
        let start = self.text.len() as u32;
        self.text.push_str(name);
        self.entries.push(Entry { start, length: name.len() as u16, module, marks });
    }

    /// Must be called after the last `push`; only then names are found.
    pub fn sort(&mut self) {
        let text = &self.text;
        self.entries.sort_unstable_by(|a, b| (a.text(text), a.module).cmp(&(b.text(text), b.module)));
        self.entries.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Named<'_>> {
        self.entries.iter().map(|entry| entry.named(&self.text))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.text(&self.text))
    }

    /// All entries of that name.
    pub fn find(&self, name: &str) -> impl ExactSizeIterator<Item = Named<'_>> {
        self.entries[self.range(name)].iter().map(|entry| entry.named(&self.text))
    }

    pub fn contains(&self, name: &str) -> bool {
        !self.range(name).is_empty()
    }

    /// Entries whose names begin with `start`.
    pub fn beginning_with(&self, start: &str) -> impl Iterator<Item = Named<'_>> + use<'_> {
        let first = self.entries.partition_point(|entry| entry.text(&self.text) < start);
        let length = self.entries[first..].partition_point(|entry| entry.text(&self.text).starts_with(start));
        self.entries[first..first + length].iter().map(|entry| entry.named(&self.text))
    }

    /// Sets marks by the order in which the names were pushed; only before `sort`.
    pub fn mark_in_order(&mut self, marks: impl Fn(usize) -> u8) {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            entry.marks |= marks(index);
        }
    }

    /// Sets marks on the entries of that name, in one module or in all.
    pub fn mark(&mut self, name: &str, module: Option<u16>, marks: u8) {
        let range = self.range(name);
        for entry in &mut self.entries[range] {
            if module.is_none_or(|module| module == entry.module) {
                entry.marks |= marks;
            }
        }
    }

    fn range(&self, name: &str) -> std::ops::Range<usize> {
        let first = self.entries.partition_point(|entry| entry.text(&self.text) < name);
        let behind = first + self.entries[first..].partition_point(|entry| entry.text(&self.text) == name);
        first..behind
    }
}

impl Entry {
    fn text<'a>(&self, text: &'a str) -> &'a str {
        let start = self.start as usize;
        &text[start..start + usize::from(self.length)]
    }

    fn named<'a>(&self, text: &'a str) -> Named<'a> {
        Named { name: self.text(text), module: self.module, marks: self.marks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_all_that_bear_them() {
        let mut table = NameTable::default();
        for (name, module) in [("b", 0), ("a.isra.0", 0), ("b", 2), ("a", 1)] {
            table.push(name, module, 0);
        }
        table.sort();
        table.mark("b", Some(2), 4);
        assert_eq!(table.find("b").map(|found| (found.module, found.marks)).collect::<Vec<_>>(), [(0, 0), (2, 4)]);
        assert!(table.contains("a") && !table.contains("a."));
        assert_eq!(table.beginning_with("a.").map(|found| found.name).collect::<Vec<_>>(), ["a.isra.0"]);
        assert_eq!(table.iter().count(), 4);
    }
}
