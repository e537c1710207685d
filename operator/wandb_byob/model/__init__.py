"""The API: resource types generated from the CRDs, references, conditions, reasons, checks; imports nothing else of ours."""
