"""The desk: the admin sites that people work at. One for each academy, one for the platform's operators."""
