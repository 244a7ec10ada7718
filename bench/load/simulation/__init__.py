"""A discrete-event simulation of the mesh: how many learners fit, and how long they wait. See docs/capacity.md.

stage_times     how long each model takes, and where each figure comes from
stations        the models: one that decodes in batches, one that serves all its jobs at once
pools           replicas of a model, the least loaded first; slots
rhythm          what a learner does without delays: speaks, pauses, listens, thinks
mesh            a conversation's way through the models; admission
autoscaler      KEDA and the HPA behind it, by the settings in deploy/k8s
experiments     the questions that the simulation answers
check           the same load on the real mesh, and in the simulation
"""
