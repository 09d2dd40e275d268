"""Export jobs: large questions whose answers are files, made beside everything else and kept for a while."""
