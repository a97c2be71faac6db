//! Linked lists of spans, where each span is in at most one list.

/// One list of spans for each span. Since a span is in at most one list, vectors hold all of them.
pub(super) struct LinkedLists {
    ends: Vec<Option<(usize, usize)>>,
    next: Vec<Option<usize>>,
    /// How often each list has been traversed.
    traversals: Vec<u8>,
}

impl LinkedLists {
    pub(super) fn new(spans: usize) -> Self {
        Self {
            ends: vec![None; spans],
            next: vec![None; spans],
            traversals: vec![0; spans],
        }
    }

    pub(super) fn first_two(&self, owner: usize) -> (Option<usize>, Option<usize>) {
        let mut spans = self.iter(owner);
        (spans.next(), spans.next())
    }

    pub(super) fn iter(&self, owner: usize) -> impl Iterator<Item = usize> {
        let first = self.ends[owner].map(|(first, _)| first);
        std::iter::successors(first, |span| self.next[*span])
    }

    /// Replaces the list with one of a single span.
    pub(super) fn replace_with(&mut self, owner: usize, span: usize) {
        self.next[span] = None;
        self.ends[owner] = Some((span, span));
        self.traversals[owner] = 0;
    }

    fn push(&mut self, owner: usize, span: usize) {
        self.next[span] = None;
        match &mut self.ends[owner] {
            Some((_, last)) => {
                self.next[*last] = Some(span);
                *last = span;
            }
            None => self.ends[owner] = Some((span, span)),
        }
    }

    pub(super) fn retain(&mut self, owner: usize, keep: impl Fn(usize) -> bool) {
        let mut rest = self.ends[owner].take().map(|(first, _)| first);
        self.traversals[owner] = self.traversals[owner].saturating_add(1);
        while let Some(span) = rest {
            rest = self.next[span];
            if keep(span) {
                self.push(owner, span);
            }
        }
    }

    /// Cuts a list that has been traversed often to two spans, which is enough to tell those above that there are several.
    /// Otherwise each of many nested wrappers would traverse the whole list.
    pub(super) fn truncate(&mut self, owner: usize) {
        const MANY_TRAVERSALS: u8 = 16;

        if self.traversals[owner] > MANY_TRAVERSALS
            && let (Some(first), Some(second)) = self.first_two(owner)
        {
            self.next[second] = None;
            self.ends[owner] = Some((first, second));
        }
    }

    /// Appends a list to another one.
    pub(super) fn append_to(&mut self, from: usize, to: usize) {
        let Some((first, last)) = self.ends[from].take() else {
            return;
        };
        self.traversals[to] = self.traversals[to].max(self.traversals[from]);
        self.ends[to] = match self.ends[to] {
            Some((front, end)) => {
                self.next[end] = Some(first);
                Some((front, last))
            }
            None => Some((first, last)),
        };
    }
}
