"""Detection in very many files, by workers of one machine or of a cluster, to Parquet."""
