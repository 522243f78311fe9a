"""Documents that are read: photos, scans and PDFs in; text with boxes, search and searchable PDFs out."""
