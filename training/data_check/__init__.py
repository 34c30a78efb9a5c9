"""`stemzoo data check`: what is wrong with which file of a corpus."""
