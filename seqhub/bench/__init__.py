"""Small experiments that show what each kind of sequence layer can and cannot learn: `seqhub bench`."""
