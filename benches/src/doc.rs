//! Writes results into the documentation, between the marks that are there for them.

use std::{error::Error, fs, path::Path};

/// A page whose sections can be replaced, while everything else stays as it is.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    pub(crate) fn open() -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path())?;
        Ok(Self { text })
    }

    /// Replaces the text between the marks of `section`.
    pub(crate) fn set(&mut self, section: &str, content: &str) -> Result<(), Box<dyn Error>> {
        let (begin, end) = (
            format!("<!-- begin {section} -->"),
            format!("<!-- end {section} -->"),
        );
        let missing = || format!("the page has no section {section}");
        let from = self.text.find(&begin).ok_or_else(missing)? + begin.len();
        let to = self.text[from..].find(&end).ok_or_else(missing)? + from;
        let content = format!("\n\n{}\n\n", content.trim());
        self.text.replace_range(from..to, &content);
        Ok(())
    }

    pub(crate) fn save(&self) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(path(), &self.text)?)
    }
}

fn path() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/performance.md"
    ))
}

/// Returns the path of the plot that the page shows.
pub(crate) fn plot_path() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/images/cost-per-span.svg"
    ))
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let text = "Before.\n<!-- begin a -->\nold\n<!-- end a -->\nAfter.".to_owned();
        let mut page = Page { text };
        page.set("a", "new\n").unwrap();
        page.set("a", "newer").unwrap();
        assert_eq!(
            page.text,
            "Before.\n<!-- begin a -->\n\nnewer\n\n<!-- end a -->\nAfter."
        );
        assert!(page.set("b", "").is_err());
    }

    #[test]
    fn the_page_has_a_section_for_every_measurement() {
        let mut page = Page::open().unwrap();
        for section in [
            "conditions",
            "gates",
            "figures",
            "distant",
            "scale",
            "build-cost",
        ] {
            page.set(section, "").unwrap();
        }
        assert!(page.text.contains("images/cost-per-span.svg"));
    }
}
