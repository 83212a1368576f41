"""Every number of a result, as pure functions of counts (scoring specification, sections 3 and 4)."""
