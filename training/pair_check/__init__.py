"""`stemzoo check-pair`: is a mixture and stem fit for training, and can a mask separate them?"""
