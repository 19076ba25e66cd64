"""Programs in other languages: one template and a dialect each; written from formulas, and never run here."""
