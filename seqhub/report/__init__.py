"""Pictures and tables of a run. matplotlib and rich are imported only when one is made."""
